// Embeds texts with the built package on this CPU, and compares the vectors with those of other CPUs: the hashes in
// vectors.json, and an emulated Haswell (AVX2, no VNNI, no AVX-512) if qemu-x86_64 is installed.
// Fails if a cosine is below .9999; the bytes are expected to be equal.
// usage: check-cpus.mjs [record]      record: rewrites vectors.json, after the model has changed
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { createEmbedder } from '../../dist/index.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const least = 0.9999

const recordPath = `${here}vectors.json`
const model = JSON.parse(readFileSync(`${here}../../models/MiniLM-L6-papers/model.json`, 'utf8')).revision

if (process.argv[2] === 'embed') {
  process.stdout.write(JSON.stringify(await embed()))
} else {
  const self = fileURLToPath(import.meta.url)
  const run = (command, ...words) =>
    JSON.parse(
      execFileSync(command, [...words, self, 'embed'], { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' }),
    )
  const native = run(process.execPath)
  const hashes = native.map((vector) => createHash('sha256').update(Float32Array.from(vector)).digest('hex'))
  console.log(`${native.length} texts of up to 256 tokens`)
  if (process.argv[2] === 'record') {
    writeFileSync(recordPath, `${JSON.stringify({ model, cpu: cpuName(), vectors: hashes }, null, 2)}\n`)
  } else {
    const recorded = JSON.parse(readFileSync(recordPath, 'utf8'))
    const same = hashes.filter((hash, row) => hash === recorded.vectors[row])
    if (recorded.model !== model) console.log(`vectors.json is of another model (${recorded.model}): record it again`)
    else console.log(`${cpuName()}: the bytes recorded on ${recorded.cpu} for ${same.length} of ${native.length}`)
  }
  if (hasEmulator()) {
    const emulated = run('qemu-x86_64', '-cpu', 'Haswell', process.execPath)
    const cosines = native.map((vector, row) => cosine(vector, emulated[row]))
    const same = native.filter((vector, row) => vector.every((value, column) => value === emulated[row][column]))
    console.log(
      `emulated Haswell: smallest cosine ${Math.min(...cosines).toFixed(7)}; the same bytes for ${same.length} of ${native.length}`,
    )
    if (!(Math.min(...cosines) >= least)) process.exitCode = 1
  } else console.log('not checked on an emulated Haswell: there is no qemu-x86_64 (Debian: apt-get install qemu-user)')
}

function hasEmulator() {
  try {
    execFileSync('qemu-x86_64', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The CPU's widest instruction set, which decides the kernels that run. */
function cpuName() {
  const flags = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : ''
  const widest = ['amx_int8', 'avx512_vnni', 'avx_vnni', 'avx512f', 'avx2'].find((flag) => flags.includes(` ${flag}`))
  return `${cpus()[0]?.model.trim() ?? process.arch}${widest === undefined ? '' : ` (${widest})`}`
}

async function embed() {
  const embedder = await createEmbedder({ cache: false, workers: 1 })
  const vectors = await embedder.embed(texts())
  await embedder.close?.()
  return vectors.map((vector) => [...vector])
}

/** A title, five short abstracts, and long texts of four joined abstracts, which fill the model's 256 tokens. */
function texts() {
  const abstracts = readFileSync(`${here}calibration.txt`, 'utf8').trim().split('\n\n')
  const long = [12, 24, 36, 48].map((start) => abstracts.slice(start, start + 4).join('\n'))
  return [abstracts[0].split('\n')[0], ...abstracts.slice(0, 5), ...long]
}

function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, column) => sum + value * y[column], 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}
