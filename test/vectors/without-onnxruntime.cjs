// Loaded with --require: ONNX Runtime cannot be opened, as on a platform without a binary.
const { Module } = require('node:module')

const open = Module._extensions['.node']
Module._extensions['.node'] = (module, path) => {
  if (/[\\/]native[\\/]/.test(path)) throw new Error(`Cannot find module '${path}'`)
  return open(module, path)
}
