// Loaded with --require: onnxruntime-node cannot be opened, as on a platform that it has no binary for.
const { Module } = require('node:module')

const open = Module._extensions['.node']
Module._extensions['.node'] = (module, path) => {
  if (path.includes('onnxruntime')) throw new Error(`Cannot find module '${path}'`)
  return open(module, path)
}
