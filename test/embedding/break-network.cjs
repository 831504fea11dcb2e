// Loaded with --require: every request fails as it does on a machine without a network.
globalThis.fetch = async () => {
  throw new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND a.host') })
}
