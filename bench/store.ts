// npm run bench -- store [--papers N] [--vectra-papers N] [--folder F]: opening, adding to and reading a library on
// disk, compared with LanceDB and vectra on the same vectors (bench/peers/store: npm install). Each runs in its own
// process, so that the first answer is cold. Vectra keeps one JSON file, which exceeds the longest string if papers are
// many, so it gets fewer.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { saveResult, useData } from './data.ts'

const contestant = fileURLToPath(new URL('./store-contestant.ts', import.meta.url))
const peers = fileURLToPath(new URL('./peers/store/node_modules', import.meta.url))
type Figures = Readonly<Record<string, number>>

export async function run(args: readonly string[]): Promise<void> {
  const data = args.includes('--data') ? ['--data', args[args.indexOf('--data') + 1] as string] : []
  const { values } = parseArgs({
    args: useData(args),
    options: {
      papers: { type: 'string', default: '121511' },
      'vectra-papers': { type: 'string', default: '20000' },
      folder: { type: 'string', default: '.cache/bench-store' },
      only: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  })
  const folder = resolve(values.folder)
  mkdirSync(folder, { recursive: true })
  const runs = [
    { name: 'paperkin', papers: values.papers },
    { name: 'lancedb', papers: values.papers },
    { name: 'paperkin', papers: values['vectra-papers'] },
    { name: 'vectra', papers: values['vectra-papers'] },
  ].filter(({ name }) => (values.only ?? name) === name && (name === 'paperkin' || existsSync(peers)))
  if (!existsSync(peers)) console.log('LanceDB and vectra are not there: npm install in bench/peers/store.')
  const results: Record<string, unknown>[] = []
  for (const { name, papers } of runs) {
    const inFolder = join(folder, papers)
    const path = join(inFolder, name)
    const step = (which: 'make' | 'use'): Figures => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--import', 'tsx', '--max-old-space-size=8000', contestant, name, which, inFolder, papers, ...data],
        { encoding: 'utf8', maxBuffer: 2 ** 26 },
      )
      if (status !== 0) throw new Error(`${name} (${which}) failed: ${stderr.trim().split('\n').slice(-12).join('\n')}`)
      return JSON.parse(stdout.trim().split('\n').at(-1) as string)
    }
    mkdirSync(inFolder, { recursive: true })
    const made = values.keep && existsSync(path) ? {} : step('make')
    const bytes = bytesOf(path) / Number(papers)
    const used = step('use')
    results.push({ name, papers: Number(papers), ...made, ...used, bytesPerPaper: bytes })
    const ms = (key: string) => (used[key] === undefined ? '' : `${(used[key] * 1000).toFixed(0)} ms`)
    console.log(
      [
        `${name}, ${Number(papers).toLocaleString('en-US')} papers: ${made.make === undefined ? 'kept' : `made in ${made.make.toFixed(1)} s`}, ${bytes.toFixed(0)} bytes a paper, ${((used.memory as number) / 1e6).toFixed(0)} MB of memory`,
        `  open to first answer ${ms('firstAnswer')}${used.open === undefined ? '' : ` (open ${ms('open')})`}${used.firstRelated === undefined ? '' : `, then first related ${ms('firstRelated')}`}`,
        ...(used.add63 === undefined
          ? []
          : [
              `  medians of rounds: embedding 63 ${ms('embed63')}, adding 63 others ${ms('add63')} (in its round ${ms('addOverEmbed63')} more), the same again ${ms('again63')} (embedding takes ${used.embedPerAgain63?.toFixed(0)} times as long)`,
            ]),
        `  add 63 with vectors ${ms('add63Vectors')}${used.add63 === undefined ? `, the same 63 again ${ms('again63')}` : ''}, remove 1,000 ${ms('remove1000')}${used.close === undefined ? '' : `, close ${ms('close')}`}`,
      ].join('\n'),
    )
  }
  await saveResult('store', results)
}

function bytesOf(path: string): number {
  const found = statSync(path)
  if (!found.isDirectory()) return found.size
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0)
}
