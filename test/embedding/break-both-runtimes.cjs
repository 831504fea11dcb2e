// Loaded with --require: neither of the two runtimes of ONNX can be opened.
require('./break-native-runtime.cjs')
const { Module } = require('node:module')

const resolve = Module._resolveFilename
Module._resolveFilename = (request, ...rest) => {
  if (request.startsWith('#wasm/') || request === 'paperkin/package.json')
    throw new Error(`Cannot find module '${request}'`)
  return resolve(request, ...rest)
}
