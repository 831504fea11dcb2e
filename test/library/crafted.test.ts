// Libraries of somebody who means harm, or whose tool wrote nonsense: every number is what it should not be, and every
// checksum is right.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { letters, paper } from './letters.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-crafted-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const base = join(root, 'base')
const copy = join(root, 'copy')
const log = join(copy, 'papers.log')
const open = (options = {}) => PaperLibrary.open({ path: copy, embedder: letters(), ...options })
const papers = Array.from({ length: 30 }, (_, i) => paper(`p${i}`, `Title of ${i}`, `On reeds and tides of ${i}.`))
let expected: unknown

beforeAll(async () => {
  const library = await PaperLibrary.open({ path: base, embedder: letters() })
  await library.add(papers.slice(0, 10))
  await library.remove(['p3'])
  await library.add(papers.slice(10))
  await library.add([paper('p4', 'Another title')])
  expected = library.papers()
  await library.close()
})

const HEADER = 4096
const HEAD = 64

/** Where each batch begins. */
function batches(bytes: Buffer): number[] {
  const found: number[] = []
  for (let at = HEADER; at < bytes.length; at += bytes.readDoubleLE(at + 16)) found.push(at)
  return found
}

/** Makes all checksums of a batch right, and its second head the same as the first. */
function seal(bytes: Buffer, at: number, length = bytes.readDoubleLE(at + 16)): void {
  bytes.writeUInt32LE(crc32(bytes.subarray(at, at + 60)), at + 60)
  if (at + length <= bytes.length && length >= 2 * HEAD) bytes.copy(bytes, at + length - HEAD, at, at + HEAD)
}

function sealContent(bytes: Buffer, at: number): void {
  const [removed, vectors, count, dimensions, textBytes] = [24, 28, 32, 36, 44].map((place) =>
    bytes.readUInt32LE(at + place),
  ) as [number, number, number, number, number]
  const vectorEntries = at + HEAD + removed
  const paperEntries = vectorEntries + 48 * vectors
  for (const [start, width, many] of [
    [vectorEntries, 48, vectors],
    [paperEntries, 32, count],
  ] as const)
    for (let i = 0; i < many; i++) {
      const entry = bytes.subarray(start + width * i, start + width * (i + 1))
      entry.writeUInt32LE(crc32(entry.subarray(0, -4), (at / 8 + i) >>> 0), width - 4)
    }
  const end = paperEntries + 32 * count + 4 * dimensions * vectors + textBytes
  bytes.writeUInt32LE(crc32(bytes.subarray(at + HEAD, at + HEAD + removed)), at + 48)
  bytes.writeUInt32LE(crc32(bytes.subarray(at + HEAD, end)), at + 56)
  seal(bytes, at)
}

/** The library is the same, or refused and told, and what a repair keeps was there once. Returns which. */
async function check(what: string): Promise<'same' | 'refused'> {
  const verified = await PaperLibrary.verify(copy)
  let outcome: 'same' | 'refused' = 'same'
  for (const readOnly of [true, false]) {
    let library: PaperLibrary | undefined
    try {
      library = await open({ readOnly })
      const kept = library.papers()
      await library.search('reeds', { k: 3 })
      await library.related(kept[0]?.id ?? 'none', { k: 3 }).catch(() => {})
      expect([what, kept]).toEqual([what, expected])
    } catch (error) {
      if (!PaperkinError.isInstance(error)) throw new Error(`${what}: ${(error as Error).stack}`)
      expect([what, error.code]).toEqual([what, 'corrupt-store'])
      outcome = 'refused'
    } finally {
      await library?.close()
    }
  }
  if (outcome === 'same') return outcome
  expect(verified.isWhole || what.startsWith('the JSON')).toBe(what.startsWith('the JSON'))
  const repaired = await open({ repair: true })
  const known = new Map([...papers, paper('p4', 'Another title')].map((one) => [`${one.id} ${one.title}`, one]))
  for (const one of repaired.papers()) expect([what, one]).toEqual([what, known.get(`${one.id} ${one.title}`)])
  await repaired.search('reeds', { k: 3 })
  const after = repaired.papers()
  await repaired.close()
  const again = await open()
  expect([what, again.papers()]).toEqual([what, after])
  expect((await again.verify()).isWhole).toBe(true)
  await again.close()
  return outcome
}

const whole = [0, 1, 7, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]
const real = [0, -1, 1, 64, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, Number.NaN, Number.POSITIVE_INFINITY]

describe('with right checksums', () => {
  const heads: readonly (readonly [string, number, readonly number[]])[] = [
    ['number', 4, whole],
    ['position', 8, real],
    ['length', 16, real],
    ['removed', 24, whole],
    ['vectors', 28, whole],
    ['papers', 32, whole],
    ['dimensions', 36, whole],
    ['next row', 40, whole],
    ['bytes of texts', 44, whole],
    ['checksum of removed', 48, whole],
    ['first vector', 52, whole],
    ['checksum of all', 56, whole],
  ]

  it.each(heads)('a head whose %s is anything', async (name, place, values) => {
    const outcomes = new Set<string>()
    for (let batch = 0; batch < 4; batch++)
      for (const value of values) {
        rmSync(copy, { recursive: true, force: true })
        cpSync(base, copy, { recursive: true })
        const bytes = readFileSync(log)
        const at = batches(bytes)[batch] as number
        const length = bytes.readDoubleLE(at + 16)
        if (place === 8 || place === 16) bytes.writeDoubleLE(value, at + place)
        else bytes.writeUInt32LE(value, at + place)
        seal(bytes, at, length)
        writeFileSync(log, bytes)
        outcomes.add(await check(`batch ${batch}, ${name} = ${value}`))
      }
    // Each part has a checksum of its own: the one of all is only quicker.
    expect([...outcomes]).toEqual(name === 'checksum of all' ? ['same'] : expect.arrayContaining(['refused']))
    expect(process.memoryUsage.rss()).toBeLessThan(2 ** 31)
  })

  const entries: readonly (readonly [string, 'vectors' | 'papers', number])[] = [
    ['row', 'papers', 0],
    ['vector', 'papers', 4],
    ['place of its text', 'papers', 8],
    ['bytes of its id', 'papers', 12],
    ['bytes of its text', 'papers', 16],
    ['checksum of its words', 'papers', 20],
    ['tokens', 'vectors', 32],
    ['checksum of its vector', 'vectors', 40],
  ]

  it.each(entries)('an entry whose %s is anything', async (name, kind, place) => {
    for (const value of whole) {
      rmSync(copy, { recursive: true, force: true })
      cpSync(base, copy, { recursive: true })
      const bytes = readFileSync(log)
      const at = batches(bytes)[0] as number
      const width = kind === 'vectors' ? 48 : 32
      const start = at + HEAD + (kind === 'vectors' ? 0 : 48 * bytes.readUInt32LE(at + 28))
      bytes.writeUInt32LE(value, start + width * 2 + place)
      sealContent(bytes, at)
      writeFileSync(log, bytes)
      // What a text is worth is another paper's where its place or vector is: that is no number out of its bounds.
      if (
        name === 'vector' ||
        name === 'place of its text' ||
        name.startsWith('bytes') ||
        name.startsWith('checksum')
      ) {
        const library = await open({ readOnly: true }).catch((error) => error)
        if (library instanceof PaperLibrary) {
          try {
            library.papers()
            await library.search('reeds', { k: 40 })
          } catch (error) {
            expect([name, value, error]).toMatchObject([name, value, { code: 'corrupt-store' }])
          }
          await library.close()
        } else expect([name, value, library]).toMatchObject([name, value, { code: 'corrupt-store' }])
      } else await check(`${name} = ${value}`)
    }
  })

  it.each<[string, (bytes: Buffer) => void]>([
    ['the JSON of a paper', (bytes) => bytes.write('[[[', bytes.indexOf('"title":"Title of 1"'))],
    ['the list of removed', (bytes) => bytes.write('{"p3"}', bytes.indexOf('["p3"]'))],
    ['the list of removed, of numbers', (bytes) => bytes.write('[1234]', bytes.indexOf('["p3"]'))],
  ])('%s is none', async (what, change) => {
    rmSync(copy, { recursive: true, force: true })
    cpSync(base, copy, { recursive: true })
    const bytes = readFileSync(log)
    change(bytes)
    for (const at of batches(bytes)) {
      // The checksum of a paper's own bytes as well.
      const [removed, vectors, count, dimensions] = [24, 28, 32, 36].map((place) => bytes.readUInt32LE(at + place)) as [
        number,
        number,
        number,
        number,
      ]
      const texts = at + HEAD + removed + 48 * vectors + 32 * count + 4 * dimensions * vectors
      for (let i = 0; i < count; i++) {
        const entry = at + HEAD + removed + 48 * vectors + 32 * i
        const start = texts + bytes.readUInt32LE(entry + 8)
        const length = bytes.readUInt32LE(entry + 12) + bytes.readUInt32LE(entry + 16)
        bytes.writeUInt32LE(crc32(bytes.subarray(start, start + length), bytes.readUInt32LE(entry)), entry + 24)
      }
      sealContent(bytes, at)
    }
    writeFileSync(log, bytes)
    expect(await check(what)).toBe('refused')
  })

  it('a header that says anything', async () => {
    const good = JSON.parse(
      readFileSync(join(base, 'papers.log')).toString(
        'utf8',
        16,
        16 + readFileSync(join(base, 'papers.log')).readUInt32LE(12),
      ),
    )
    for (const [field, values] of Object.entries({
      dimensions: [-1, 1.5, 2 ** 31, 1e300, '27', null],
      modelId: [5, null, {}],
      log: [5, null],
      recipe: [[]],
    }))
      for (const value of values) {
        rmSync(copy, { recursive: true, force: true })
        cpSync(base, copy, { recursive: true })
        const bytes = readFileSync(log)
        const json = Buffer.from(JSON.stringify({ ...good, [field]: value }))
        bytes.writeUInt32LE(json.length, 12)
        json.copy(bytes, 16)
        bytes.writeUInt32LE(crc32(bytes.subarray(0, 16 + json.length)), 16 + json.length)
        writeFileSync(log, bytes)
        expect(await check(`${field} = ${value}`)).toBe('refused')
      }
    for (const text of ['no JSON', '5', 'null', '[]']) {
      const bytes = readFileSync(join(base, 'papers.log'))
      bytes.writeUInt32LE(text.length, 12)
      bytes.write(text, 16)
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 16 + text.length)), 16 + text.length)
      writeFileSync(log, bytes)
      expect(await check(`header ${text}`)).toBe('refused')
    }
  })

  it('an end that is nowhere', async () => {
    for (const length of [...real, 4096, 5000])
      for (const turn of [0, 1, 2, 3, 2 ** 53, 1e300, -2, Number.NaN]) {
        rmSync(copy, { recursive: true, force: true })
        cpSync(base, copy, { recursive: true })
        const bytes = readFileSync(log)
        for (const place of [2048, 3072]) {
          bytes.writeDoubleLE(turn, place)
          bytes.writeDoubleLE(length, place + 8)
          bytes.writeUInt32LE(crc32(bytes.subarray(place, place + 16)), place + 16)
        }
        writeFileSync(log, bytes)
        await check(`end ${length} in turn ${turn}`)
      }
  })

  it('words whose numbers lead anywhere count for nothing', async () => {
    const path = join(base, 'many')
    const big = Array.from({ length: 300 }, (_, i) =>
      paper(`p${i}`, `Title ${i}`, `Reeds and tides and ${'abcdefgh'[i % 8]}x.`),
    )
    const library = await PaperLibrary.open({ path, embedder: letters() })
    await library.add(big)
    const hits = await library.search('reeds and tides', { k: 5 })
    await library.close()
    const file = readFileSync(join(path, 'words.bin'))
    const length = file.readUInt32LE(12)
    const header = JSON.parse(file.toString('utf8', 16, 16 + length))
    /** Whether the library still answers the same with such a header over such bytes, and a checksum that is right. */
    const expectHits = async (changed: unknown, bytes: Buffer) => {
      const json = Buffer.from(JSON.stringify(changed))
      bytes.writeUInt32LE(json.length, 12)
      json.copy(bytes, 16)
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 16 + json.length)), 16 + json.length)
      writeFileSync(join(path, 'words.bin'), bytes)
      const again = await PaperLibrary.open({ path, embedder: letters(), readOnly: true })
      expect(await again.search('reeds and tides', { k: 5 })).toEqual(hits)
      await again.close()
    }
    const crafted: unknown[] = []
    for (const field of ['rows', 'entries', 'terms'])
      for (const value of [-1, 0, 1.5, 2 ** 31, 2 ** 53, null, 'x']) crafted.push({ ...header, [field]: value })
    for (const name of Object.keys(header.parts))
      for (const value of [-1, 1.5, 2 ** 31, 2 ** 53, null])
        crafted.push({ ...header, parts: { ...header.parts, [name]: { ...header.parts[name], length: value } } })
    for (const parts of [null, {}, { ...header.parts, slots: null }, { ...header.parts, other: header.parts.slots }])
      crafted.push({ ...header, parts })
    for (const one of crafted) await expectHits(one, Buffer.from(file))
    // Arrays whose checksums are right, and whose numbers are not.
    let position = 16 + 65_536
    for (const [name, part] of Object.entries(
      header.parts as Record<string, { kind: string; length: number; crc: number }>,
    )) {
      const width = { f64: 8, i32: 4, u32: 4, u16: 2, u8: 1 }[part.kind] as number
      for (const value of [-1, 2 ** 31 - 1]) {
        if (part.kind !== 'i32') continue
        const bytes = Buffer.from(file)
        for (let i = 0; i < part.length; i++) bytes.writeInt32LE(value, position + 4 * i)
        const crc = crc32(bytes.subarray(position, position + width * part.length))
        await expectHits({ ...header, parts: { ...header.parts, [name]: { ...part, crc } } }, bytes)
      }
      position += width * part.length
    }
  })
})
