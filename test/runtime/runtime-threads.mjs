// A process of its own: threads that load the native binding, four at a time; threads that are stopped inside a run; the
// runtime of transformers.js beside it; and an end while threads still run.
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const require = createRequire(import.meta.url)

function run() {
  const { platform, arch } = process
  const folder = join(dirname(require.resolve('onnxruntime-node/package.json')), 'bin/napi-v3', platform, arch)
  const library = readdirSync(folder).find((name) => /^(?:lib)?onnxruntime\.(?!.*binding)/u.test(name))
  const binding = require(`../../native/${platform}-${arch}.node`)
  binding.open(join(folder, library))
  const session = binding.createSession(readFileSync('models/kernels/products.onnx'), 1, true, false)
  const rows = Float32Array.from({ length: 256 * 64 }, (_, i) => Math.sin(i))
  return () => {
    const inputs = [
      ['left', rows, [256, 64]],
      ['right', rows, [256, 64]],
    ]
    return binding.run(session, inputs, 'products').data[257]
  }
}

if (!isMainThread) {
  const once = run()
  for (let i = 0; i < 10; i++) once()
  parentPort.postMessage(once())
  // Endless: until it is stopped.
  while (workerData === 'endless') once()
} else {
  const start = (workerData) => new Worker(new URL(import.meta.url), { workerData })
  const first = (worker) => new Promise((resolve) => worker.once('message', resolve))
  const values = new Set()
  const counts = { ended: 0, stopped: 0 }
  for (let round = 0; round < 3; round++) {
    const workers = [1, 2, 3, 4].map(() => start('once'))
    const ends = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)))
    for (const value of await Promise.all(workers.map(first))) values.add(value)
    counts.ended += (await Promise.all(ends)).filter((code) => code === 0).length
    if (round === 1) await import('@huggingface/transformers')
  }
  for (let round = 0; round < 2; round++) {
    const workers = [start('endless'), start('endless')]
    await Promise.all(workers.map(first))
    await Promise.all(workers.map((worker) => worker.terminate()))
    counts.stopped += workers.length
  }
  values.add(run()())
  await Promise.all([start('endless'), start('endless')].map(first))
  process.send({ ...counts, values: values.size }, () => process.exit(0))
}
