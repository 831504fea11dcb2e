// Damages copies of a library in seeded ways and looks at what comes of it: the same library, or an error that says so,
// and after a repair only papers that were there once, each with the vector of its text.
import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { PaperkinError } from '../../src/errors.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { type Paper, paperText } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { letters, paper } from './letters.ts'

const embedder = () => letters()
const page = 4096
const kinds = ['flip', 'cut', 'swap', 'zero', 'lose', 'append', 'craft'] as const

/** Counts of what the damaged libraries did. */
export interface Outcomes {
  same: number
  refused: number
  repaired: number
  dropped: number
  reembedded: number
  slowestMilliseconds: number
}

/** Makes a library in `folder` and tries `count` damaged copies of it; throws at the first that is wrong. */
export async function tryDamage(
  folder: string,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<Outcomes> {
  const base = join(folder, 'base')
  const versions = new Map<string, Paper[]>()
  let library = await PaperLibrary.open({ path: base, embedder: embedder() })
  const remember = () => {
    for (const one of library.papers()) versions.set(one.id, [...(versions.get(one.id) ?? []), one])
  }
  const text = (i: number) => `${'Reeds bend in the wind and tell of the weather to come. '.repeat(4 + (i % 9))}${i}`
  for (let day = 0; day < 4; day++) {
    await library.add(
      Array.from({ length: 80 }, (_, i) => ({
        ...paper(`${day}-${i}`, `Day ${day}, ${i}`, text(i)),
        authors: ['A', 'B'],
      })),
    )
    remember()
    await library.remove([`${day}-1`, `${day}-2`])
    await library.add([
      paper(`${day}-3`, 'Changed', text(day)),
      { ...paper(`${day}-4`, `Day ${day}, 4`, text(4)), url: 'x' },
    ])
    remember()
    if (day === 1) {
      await library.close()
      library = await PaperLibrary.open({ path: base, embedder: embedder() })
    }
  }
  const expected = contents(library)
  await library.close()

  const draw = seededRandom(seed)
  const below = (n: number) => Math.floor(draw() * n)
  const outcomes: Outcomes = { same: 0, refused: 0, repaired: 0, dropped: 0, reembedded: 0, slowestMilliseconds: 0 }
  for (let trial = 0; trial < count; trial++) {
    const path = join(folder, 'damaged')
    rmSync(path, { recursive: true, force: true })
    cpSync(base, path, { recursive: true })
    // Most of the damage where most of the bytes are, some in every file.
    const files = readdirSync(path).filter((name) => statSync(join(path, name)).size > 0)
    const kind = kinds[trial % kinds.length] as (typeof kinds)[number]
    const name = kind === 'craft' || draw() < 0.8 ? 'papers.log' : (files[below(files.length)] as string)
    damage(join(path, name), kind, below)
    const what = `trial ${trial} (seed ${seed}): ${kind} ${name}`
    const begun = performance.now()
    try {
      await check(path, { expected, versions, outcomes })
    } catch (error) {
      throw new Error(`${what}: ${(error as Error).message}`, { cause: error })
    }
    outcomes.slowestMilliseconds = Math.max(outcomes.slowestMilliseconds, performance.now() - begun)
  }
  return outcomes
}

function contents(library: PaperLibrary): unknown {
  return library.papers().map((one) => [one, [...(library.vector(one.id) as Float32Array)]])
}

function damage(path: string, kind: (typeof kinds)[number], below: (n: number) => number): void {
  if (kind === 'lose') {
    rmSync(path)
    return
  }
  const bytes = readFileSync(path)
  if (kind === 'craft') craft(bytes, below)
  const at = below(bytes.length)
  if (kind === 'flip') bytes[at] = (bytes[at] as number) ^ (1 << below(8))
  if (kind === 'zero') bytes.fill(0, at, Math.min(bytes.length, at + 1 + below(page)))
  if (kind === 'swap') {
    const pages = Math.floor(bytes.length / page)
    const [one, other] = [below(pages) * page, below(pages) * page]
    const kept = Buffer.from(bytes.subarray(one, one + page))
    bytes.copyWithin(one, other, other + page)
    kept.copy(bytes, other)
  }
  const garbage = Buffer.from(Array.from({ length: below(2 * page) }, () => below(256)))
  writeFileSync(
    path,
    kind === 'cut' ? bytes.subarray(0, at) : kind === 'append' ? Buffer.concat([bytes, garbage]) : bytes,
  )
}

/** Sets a field of a batch's head to a number that it should not have, and makes its checksum right. */
function craft(bytes: Buffer, below: (n: number) => number): void {
  const heads: number[] = []
  for (let at = page; at < bytes.length; at += bytes.readDoubleLE(at + 16)) heads.push(at)
  const at = heads[below(heads.length)] as number
  const length = bytes.readDoubleLE(at + 16)
  const field = 4 * (1 + below(14))
  const values = [0, 1, below(2 ** 16), 2 ** 31, 2 ** 32 - 1, (bytes.readUInt32LE(at + field) + 1) >>> 0]
  bytes.writeUInt32LE(values[below(values.length)] as number, at + field)
  bytes.writeUInt32LE(crc32(bytes.subarray(at, at + 60)), at + 60)
  bytes.copy(bytes, at + length - 64, at, at + 64)
}

async function check(
  path: string,
  {
    expected,
    versions,
    outcomes,
  }: {
    readonly expected: unknown
    readonly versions: ReadonlyMap<string, readonly Paper[]>
    readonly outcomes: Outcomes
  },
): Promise<void> {
  const verified = await PaperLibrary.verify(path).catch((error) => error)
  let isWhole = false
  try {
    for (const readOnly of [true, false]) {
      const library = await PaperLibrary.open({ path, readOnly, embedder: embedder() })
      assert.deepEqual(contents(library), expected)
      await library.search('weather')
      await library.close()
    }
    isWhole = true
    outcomes.same++
  } catch (error) {
    if (!PaperkinError.isInstance(error)) throw error
    assert.equal(error.code, 'corrupt-store')
    outcomes.refused++
  }
  if (isWhole) {
    assert.equal(verified.isWhole, true, 'it opens, and verify says that it is damaged')
    return
  }
  if (!PaperkinError.isInstance(verified)) assert.equal(verified.isWhole, false, 'verify did not see it')
  const repaired = await PaperLibrary.open({ path, repair: true, embedder: embedder() })
  assert.notEqual(repaired.repair, undefined)
  outcomes.repaired++
  outcomes.dropped += repaired.repair?.dropped.length ?? 0
  outcomes.reembedded += repaired.repair?.reembedded.length ?? 0
  const memory = await PaperLibrary.open({ embedder: embedder() })
  await memory.add(repaired.papers())
  for (const one of repaired.papers()) {
    const isVersion = versions.get(one.id)?.some((version) => JSON.stringify(version) === JSON.stringify(one))
    assert.ok(isVersion, `${one.id} was never so`)
    assert.deepEqual(repaired.vector(one.id), memory.vector(one.id), `another vector for ${paperText(one)}`)
  }
  const after = contents(repaired)
  await repaired.close()
  const again = await PaperLibrary.open({ path, embedder: embedder() })
  assert.deepEqual(contents(again), after)
  await again.close()
  assert.equal((await PaperLibrary.verify(path)).isWhole, true)
}
