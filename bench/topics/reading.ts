// npm run bench -- topics-reading COMMAND …: how a reader, or another model, judges the topics of small collections.
//   run      --cli DIST/CLI.JS | --peer tritopic|bertopic, --name NAME --out FILE [--seed N] [--count-like RUN.json]
//            topics of each day found by a build of paperkin or a peer: an automatic number, or that of another run
//   make     --runs NAME=FILE[,…] --out FOLDER [--key FILE] [--seed N] [--size N]
//            sheets for readers, topics of all systems in random order, and the key to them (FOLDER.key.jsonl)
//   score    --key FILE --verdicts FILE[,…] [--partial]
//            verdicts of the readers by system and day, with 95 % bootstrap intervals over topics
//   retrieve --runs NAME=FILE[,…] [--by e5,bm25]
//            whether a label alone finds its papers among the labels of its day, by multilingual E5 and by BM25
// Days come from --days FILE-OR-FOLDER (may be repeated), by default the digests in ../shared and examples/digest.txt.
// The instructions for readers are in reading.md; keys and verdicts are kept in readings/, as NAME.key.jsonl and
// NAME-READER.jsonl.
import { parseArgs } from 'node:util'
import { saveResult, useData } from '../data.ts'
import { cliRuns, type Day, loadDays, peerRuns, type Run, readRuns, writeRuns } from './reading-runs.ts'
import { makeSheets, scoreVerdicts } from './reading-sheets.ts'
import { retrieve } from './retrieve.ts'

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: useData(args),
    options: {
      days: { type: 'string', multiple: true },
      cli: { type: 'string' },
      peer: { type: 'string' },
      name: { type: 'string' },
      'count-like': { type: 'string' },
      runs: { type: 'string' },
      key: { type: 'string' },
      verdicts: { type: 'string' },
      by: { type: 'string', default: 'e5,bm25' },
      partial: { type: 'boolean', default: false },
      out: { type: 'string' },
      seed: { type: 'string', default: '1' },
      size: { type: 'string', default: '60' },
    },
    allowPositionals: true,
  })
  const needed = (name: 'name' | 'runs' | 'key' | 'verdicts' | 'out'): string => {
    const value = values[name]
    if (value === undefined) throw new Error(`Expected --${name}, which \`${positionals[0]}\` needs.`)
    return value
  }
  const seed = wholeNumber('seed', values.seed)
  const [action = ''] = positionals
  switch (action) {
    case 'run': {
      const [name, out] = [needed('name'), needed('out')]
      const days = await loadDays(values.days)
      const like = values['count-like']
      const counts = like === undefined ? undefined : countsOf(await readRuns(like))
      if ((values.cli === undefined) === (values.peer === undefined))
        throw new Error('Expected either --cli DIST/CLI.JS or --peer tritopic|bertopic.')
      const runs =
        values.cli === undefined
          ? await peerRuns(days, { name, peer: values.peer as string, seed, counts })
          : await cliRuns(days, { name, cli: values.cli, seed, counts })
      await writeRuns(out, runs)
      const topics = runs.reduce((sum, one) => sum + one.topics.length, 0)
      console.log(`${out}: ${topics} topics of ${runs.length} days`)
      return
    }
    case 'make': {
      const out = needed('out')
      const options = {
        out,
        key: values.key ?? `${out.replace(/\/+$/u, '')}.key.jsonl`,
        seed,
        size: wholeNumber('size', values.size),
      }
      const days = await loadDays(values.days)
      return makeSheets(days, await namedRuns(needed('runs'), values.days && days), options)
    }
    case 'score': {
      const files = needed('verdicts').split(',')
      await saveResult('topics-reading', await scoreVerdicts(needed('key'), files, { isPartial: values.partial, seed }))
      return
    }
    case 'retrieve': {
      const days = await loadDays(values.days)
      const runs = await namedRuns(needed('runs'), values.days && days)
      await saveResult('topics-retrieve', await retrieve(days, runs, { seed, by: values.by.split(',') }))
      return
    }
    default:
      throw new Error(`Expected run, make, score or retrieve, got \`${action}\`.`)
  }
}

function wholeNumber(name: string, value: string): number {
  if (!/^[1-9]\d*$/u.test(value)) throw new Error(`Expected --${name} to be a whole number from 1, got \`${value}\`.`)
  return Number(value)
}

/** Reads the runs of `NAME=FILE,…` under the given names; only those of the given days, if any. */
async function namedRuns(list: string, days: readonly Day[] | undefined): Promise<Run[]> {
  const runs: Run[] = []
  const names = new Set<string>()
  for (const part of list.split(',')) {
    const [, name, file] = /^([^=]+)=(.+)$/u.exec(part) ?? []
    if (name === undefined || file === undefined) throw new Error(`Expected --runs NAME=FILE[,…], got \`${part}\`.`)
    if (names.has(name)) throw new Error(`Expected each name in --runs once, got \`${name}\` twice.`)
    names.add(name)
    for (const one of await readRuns(file))
      if (days === undefined || days.some((day) => day.name === one.day)) runs.push({ ...one, system: name })
  }
  return runs
}

const countsOf = (runs: readonly Run[]) => new Map(runs.map(({ day, topics }) => [day, topics.length]))
