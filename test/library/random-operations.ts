// Random operations on a library on disk beside a plain Map that says what must be there: adds, updates of papers that are
// asked about at the same time, removals, aborts, failures, closings and openings, readers, exports and imports.
// `npx tsx bench/random-operations.ts 10000 7` runs 10,000 rounds with seed 7.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PaperkinError } from '../../src/errors.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { type Paper, type PaperInput, toPaper } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { letters } from './letters.ts'

const words = 'reed tide heron sluice eel dyke mill fen marsh boat net rope otter lock weir ford'.split(' ')

/** Runs so many rounds; throws at the first that is wrong, naming it. Returns how often each operation was done. */
export async function tryOperations(options: {
  readonly rounds: number
  readonly seed: number
}): Promise<Readonly<Record<string, number>>> {
  const { rounds, seed } = options
  const folder = mkdtempSync(join(tmpdir(), 'paperkin-random-'))
  const path = join(folder, 'library')
  const draw = seededRandom(seed)
  const below = (n: number) => Math.floor(draw() * n)
  const one = <Value>(values: readonly Value[]): Value => values[below(values.length)] as Value
  let isFailing = false
  const quick = letters()
  const embedder = {
    ...quick,
    embed: async (texts: readonly string[], asked = {}) => {
      // Somebody else has a turn while the model thinks.
      for (let turns = below(3); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
      if (isFailing) throw new Error('the model failed')
      return quick.embed(texts, asked)
    },
  }
  const open = (readOnly = false) => PaperLibrary.open({ path, embedder, readOnly })
  const text = () => Array.from({ length: 2 + below(12) }, () => one(words)).join(' ')
  const record = (id = `p${below(60)}`): PaperInput => ({
    id,
    title: `${text()} ${below(9)}`,
    ...(draw() < 0.8 && { abstract: `${text()}.` }),
    ...(draw() < 0.5 && { categories: [one(['a', 'b'])] }),
    ...(draw() < 0.5 && { published: `20${10 + below(15)}` }),
    ...(draw() < 0.2 && { extra: { n: below(5) } }),
  })
  const distinct = (count: number) => {
    const records = new Map(Array.from({ length: count }, () => record()).map((paper) => [paper.id, paper]))
    return [...records.values()]
  }
  let library = await open()
  let expected = new Map<string, Paper>()
  const counts: Record<string, number> = {}
  const put = (records: readonly PaperInput[]) => {
    for (const paper of records.map((given) => toPaper(given))) expected.set(paper.id, paper)
  }
  const idsOf = () => [...expected.keys()]
  const same = (found: PaperLibrary) => assert.deepEqual(found.papers(), [...expected.values()])
  /** What an answer must be whatever else happens: sorted, without what was asked, and of papers that were there. */
  const sound = (hits: readonly { readonly paper: Paper; readonly score: number }[], asked?: string) => {
    for (const [i, hit] of hits.entries()) {
      assert.notEqual(hit.paper.id, asked)
      assert.ok(hit.score >= 0 && hit.score <= 1 + 1e-9)
      if (i > 0) assert.ok(hit.score <= (hits[i - 1]?.score as number) + 1e-12)
    }
    assert.equal(new Set(hits.map(({ paper }) => paper.id)).size, hits.length)
  }
  const operations: Readonly<Record<string, () => Promise<void>>> = {
    add: async () => {
      const records = distinct(1 + below(6))
      const result = await library.add(records)
      assert.equal(result.added.length, records.filter(({ id }) => !expected.has(id as string)).length)
      put(records)
    },
    'add many': async () => {
      const records = distinct(40 + below(60))
      await library.add(records)
      put(records)
    },
    'update what is asked about': async () => {
      const id = one(idsOf())
      if (id === undefined) return
      const updated = record(id)
      const asking = [library.related(id, { k: 5 }), library.search(text(), { k: 5, why: draw() < 0.2 })]
      const adding = library.add([updated])
      for (let turns = below(4); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
      asking.push(library.related({ like: [id, { title: text() }] }, { k: 5 }))
      const [kin, found, both] = await Promise.all(asking)
      await adding
      sound(kin?.hits ?? [], id)
      sound(both?.hits ?? [], id)
      sound(found?.hits ?? [])
      put([updated])
    },
    remove: async () => {
      const gone = [...new Set([one(idsOf()), one(idsOf())])].filter((id) => id !== undefined)
      if (gone.length === 0) return
      assert.equal(await library.remove(gone), gone.length)
      for (const id of gone) expected.delete(id)
    },
    'remove what is not there': async () => {
      await assert.rejects(library.remove([...idsOf().slice(0, 1), 'none']), { code: 'paper-not-found' })
    },
    abort: async () => {
      const controller = new AbortController()
      const reason = new Error('enough')
      const records = distinct(30 + below(60))
      const adding = library.add(records, { signal: controller.signal }).then(
        () => undefined,
        (error) => error,
      )
      for (let turns = below(6); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
      controller.abort(reason)
      const error = await adding
      if (error !== undefined) assert.equal(error, reason)
      // Whole batches are there, in their order; of each paper all of the new one or all of the old.
      const news = new Map(records.map((given) => [given.id as string, toPaper(given)]))
      const found = new Map(library.papers().map((paper) => [paper.id, paper]))
      for (const [id, paper] of found)
        assert.ok([news.get(id), expected.get(id)].some((other) => JSON.stringify(other) === JSON.stringify(paper)))
      for (const id of expected.keys()) assert.ok(found.has(id))
      if (error === undefined) put(records)
      else expected = found
    },
    fail: async () => {
      isFailing = true
      const before = library.papers()
      const records = [{ id: 'new', title: `${text()} ${draw()}` }]
      await assert.rejects(library.add(records), { code: 'embedding-failed' })
      isFailing = false
      assert.deepEqual(library.papers(), before)
    },
    'wrong record': async () => {
      await assert.rejects(library.add([record(), {}]), { code: 'invalid-paper' })
    },
    reopen: async () => {
      await library.close()
      library = await open()
    },
    'close under way': async () => {
      const records = distinct(50)
      const adding = library.add(records).catch((error) => error)
      const asking = library.search(text()).catch((error) => error)
      for (let turns = below(5); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
      await library.close()
      for (const end of [await adding, await asking])
        if (end instanceof Error) assert.ok(PaperkinError.isInstance(end) && end.code === 'library-closed')
      library = await open()
      const news = new Map(records.map((given) => [given.id as string, toPaper(given)]))
      const found = new Map(library.papers().map((paper) => [paper.id, paper]))
      for (const id of expected.keys()) assert.ok(found.has(id))
      for (const [id, paper] of found)
        assert.ok([news.get(id), expected.get(id)].some((other) => JSON.stringify(other) === JSON.stringify(paper)))
      expected = found
    },
    read: async () => {
      const reader = await open(true)
      same(reader)
      const records = distinct(3)
      await library.add(records)
      put(records)
      await reader.refresh()
      same(reader)
      await reader.close()
    },
    'export and import': async () => {
      const files = { papers: join(folder, 'all.jsonl'), vectors: join(folder, 'all.npy') }
      await library.export(files)
      const other = await PaperLibrary.open({ embedder: letters() })
      await other.import(files)
      same(other)
      for (const { id } of other.papers()) assert.deepEqual(other.vector(id), library.vector(id))
      await other.close()
    },
    'answer as a new library would': async () => {
      const other = await PaperLibrary.open({ embedder: letters() })
      await other.add([...expected.values()])
      const filter = one([undefined, { categories: 'a' }, { year: { from: 2015 } }, { published: { to: '2018' } }])
      const asked = { k: 8, ...(filter && expected.size > 0 && { filter }) }
      const query = text()
      const answers = async (from: PaperLibrary) => {
        const { hits } = await from.search(query, asked)
        sound(hits)
        return hits.map(({ paper, score }) => [paper.id, score.toFixed(6)])
      }
      assert.deepEqual(await answers(library), await answers(other))
      const id = one(idsOf())
      if (id !== undefined) {
        const kin = async (from: PaperLibrary) => {
          const { hits } = await from.related(id, asked)
          sound(hits, id)
          return hits.map(({ paper, score }) => [paper.id, score.toFixed(6)])
        }
        assert.deepEqual(await kin(library), await kin(other))
      }
      await other.close()
    },
    clear: async () => {
      if (draw() < 0.9) return
      assert.equal(await library.clear(), expected.size)
      expected.clear()
    },
    verify: async () => {
      const { isWhole, papers } = await library.verify()
      assert.deepEqual([isWhole, papers], [true, expected.size])
    },
  }
  const names = Object.keys(operations)
  try {
    for (let round = 0; round < rounds; round++) {
      const name = draw() < 0.4 ? one(['add', 'update what is asked about', 'remove']) : one(names)
      counts[name] = (counts[name] ?? 0) + 1
      try {
        await operations[name]?.()
        same(library)
      } catch (error) {
        throw new Error(`round ${round} (seed ${seed}), ${name}: ${(error as Error).stack}`, { cause: error })
      }
    }
    return counts
  } finally {
    await library.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
