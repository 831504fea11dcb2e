// Finds topics with Node on this CPU and on emulated ones, and compares them byte by byte: Haswell (AVX2 and FMA),
// Sandy Bridge (AVX without FMA) and Nehalem (neither), whose matrix products differ in the last bits.
// usage: npm run build && node scripts/check-topics.mjs [PAPERS.jsonl VECTORS.npy]
// Without files: 1,200 papers on twenty planted subjects, enough that products run in ONNX Runtime. Needs qemu-x86_64
// (Debian: qemu-user).
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'

const cpus = ['Haswell', 'SandyBridge', 'Nehalem']
const [command, ...files] = process.argv.slice(2)

if (command === 'find') await find(...files)
else {
  const self = fileURLToPath(import.meta.url)
  const given = command === undefined ? [] : [command, ...files]
  const run = (program, ...words) =>
    execFileSync(program, [...words, self, 'find', ...given], { stdio: ['ignore', 'pipe', 'ignore'] }).toString()
  const here = run(process.execPath)
  process.stdout.write(`here:\n${here}`)
  for (const cpu of cpus) {
    const there = run('qemu-x86_64', '-cpu', cpu, process.execPath)
    console.log(there === here ? `emulated ${cpu}: the same` : `emulated ${cpu}: not the same\n${there}`)
    if (there !== here) process.exitCode = 1
  }
}

/** @param {string} [papersPath] @param {string} [vectorsPath] */
async function find(papersPath, vectorsPath) {
  const { PaperLibrary } = await import('../dist/index.js')
  const library = await PaperLibrary.open({ embedder: 'none' })
  if (papersPath === undefined) {
    const { papers, vectors } = planted()
    await library.add(papers, { vectors })
  } else if (vectorsPath === undefined) throw new Error('Expected a .npy file of vectors after the file of papers.')
  else await library.import({ papers: papersPath, vectors: vectorsPath })
  /** @type {import('../dist/index.js').TopicOptions[]} */
  const asked = [{}, { count: 12 }, { method: 'kmeans', count: 12 }]
  for (const options of asked) {
    const topics = await library.topics(options)
    const hash = createHash('sha256').update(JSON.stringify(topics)).digest('hex')
    console.log(`${JSON.stringify(options)}: ${library.size} papers, ${topics.count} topics, ${hash}`)
  }
  await library.close()
}

/** Papers whose vectors lie around twenty directions, with words for each direction; some are far from all of them. */
function planted() {
  const dimensions = 384
  let state = 1
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 8) / 2 ** 24
  }
  const direction = () => Array.from({ length: dimensions }, () => random() + random() + random() - 1.5)
  const centres = Array.from({ length: 20 }, direction)
  const syllables = ['ba', 'do', 'ki', 'lu', 'me', 'na', 'po', 'ri']
  const word = (number) => `${syllables[number % 8]}${syllables[(number >> 3) % 8]}${syllables[(number >> 6) % 8]}n`
  const papers = []
  const vectors = []
  for (let i = 0; i < 1200; i++) {
    const topic = i % 20
    const pick = () => word(topic * 6 + Math.floor(random() * 6))
    papers.push({
      id: `p${i}`,
      title: `On ${pick()} and ${pick()}`,
      abstract: `The ${pick()} of a ${pick()} is ${pick()}.`,
    })
    const away = direction()
    const noise = i % 50 === 49 ? 9 : 1.6
    const sum = centres[topic].map((x, d) => x + noise * away[d])
    const length = Math.hypot(...sum)
    vectors.push(Float32Array.from(sum, (x) => x / length))
  }
  return { papers, vectors }
}
