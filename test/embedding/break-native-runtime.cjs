// Loaded with --require: no native runtime can be opened, neither our own binding nor onnxruntime-node's, as on a
// platform without a binary.
const { Module } = require('node:module')

const open = Module._extensions['.node']
Module._extensions['.node'] = (module, path) => {
  if (/onnxruntime|[\\/]native[\\/]/.test(path)) throw new Error(`Cannot find module '${path}'`)
  return open(module, path)
}
