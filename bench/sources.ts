// Round trip through other programs: 1,330 papers as each program writes them, read back, and the differences.
//   apt install bibutils pandoc
//   python3 -m venv TOOLS/python && TOOLS/python/bin/pip install rispy 'bibtexparser<2' nbib
//   npm install --ignore-scripts --prefix TOOLS citation-js
//   npm run bench -- sources --tools TOOLS [--show 3] [--keep FOLDER]
// Counts papers whose field is unchanged; in parentheses, unchanged except for quotes, dashes, capitals and raised
// digits, which programs set in their own way. The set names no authors; they are generated, with the letters and
// particles of real names. Missing programs are reported and skipped.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import type { Paper } from '../src/paper.ts'
import { readSources } from '../src/sources/read-papers.ts'
import { plainText } from '../src/text/plain-text.ts'
import { loadPapers, useData } from './data.ts'

const run_ = promisify(execFile)
const given = ['Ida', 'Per', 'Jo Anne', 'J. R.', 'Søren', 'Ágnes', 'Żaneta', 'Nguyễn', 'Zoë', 'Łukasz']
const family = ['Moss', 'Kall', 'van der Holm', 'Müller', 'O’Brook', 'Šimák', 'Erdős', 'García Reed', 'Ößmann', 'Ng']

interface Truth {
  readonly id: string
  readonly title: string
  readonly abstract: string
  readonly authors: readonly { readonly given: string; readonly family: string }[]
  readonly year: string
}

interface Writer {
  readonly name: string
  readonly writes: string
  /** Paths of the files that the program needs; empty for system commands. */
  readonly needs: readonly string[]
  /** Returns the text of the file; `csl`, `bib` and `mods` are files of the same papers. */
  readonly write: (files: { csl: string; bib: string; mods: string }) => Promise<string>
  /** Fields that the format cannot hold. */
  readonly without?: readonly ('abstract' | 'authors' | 'year')[]
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: useData(args),
    options: { tools: { type: 'string' }, show: { type: 'string', default: '0' }, keep: { type: 'string' } },
  })
  const folder = values.keep ? resolve(values.keep) : await mkdtemp(join(tmpdir(), 'paperkin-writers-'))
  await mkdir(folder, { recursive: true })
  const tools = resolve(values.tools ?? 'tools')
  const truths = (await loadPapers('arxiv-2025')).map(({ paper }, i) => truthOf(paper, i))
  const files = {
    csl: join(folder, 'papers.csl.json'),
    bib: join(folder, 'papers.bib'),
    mods: join(folder, 'papers.mods'),
  }
  await writeFile(files.csl, JSON.stringify(truths.map(cslItem)))
  await writeFile(files.bib, truths.map(bibEntry).join('\n'))
  const rows: string[] = []
  try {
    for (const writer of writers(tools)) {
      const missing = writer.needs.filter((path) => path.includes('/') && !existsSync(path))
      let text: string
      try {
        if (missing.length > 0) throw new Error(`${missing.join(', ')} is not there`)
        text = await writer.write(files)
      } catch (error) {
        rows.push(
          `| ${writer.name} | ${writer.writes} | left out: ${String((error as Error).message)
            .split('\n')[0]
            ?.slice(0, 100)} |`,
        )
        continue
      }
      if (writer.writes === 'MODS') await writeFile(files.mods, text)
      await writeFile(join(folder, `${writer.name} ${writer.writes}.txt`.replace(/[ /]/gu, '-')), text)
      rows.push(await compared(writer, truths, text, Number(values.show)))
    }
  } finally {
    if (values.keep === undefined) await rm(folder, { recursive: true })
  }
  console.log(
    '| written by | as | taken for | papers | titles | abstracts | authors | years | told |\n|---|---|---|---|---|---|---|---|---|',
  )
  console.log(rows.join('\n'))
}

function truthOf(paper: Paper, i: number): Truth {
  const authors = Array.from({ length: 1 + (i % 4) }, (_, k) => ({
    given: given[(i * 3 + k * 7) % given.length] as string,
    family: family[(i * 7 + k * 3) % family.length] as string,
  }))
  // LaTeX is not expected to survive: the output must be the text that a person reads.
  const oneLine = (text: string) => plainText(text, 'some').replace(/\s+/gu, ' ').trim()
  return {
    id: `p${i}`,
    title: oneLine(paper.title),
    abstract: oneLine(paper.abstract),
    authors,
    year: `20${/^(\d{2})/u.exec(paper.id)?.[1] ?? '25'}`,
  }
}

const cslItem = ({ id, title, abstract, authors, year }: Truth) => ({
  id,
  type: 'article-journal',
  title,
  abstract,
  author: authors,
  issued: { 'date-parts': [[Number(year)]] },
  'container-title': 'Journal of Peat',
})

const escaped = (text: string) =>
  text
    .replace(/[\\{}]/gu, (mark) => (mark === '\\' ? '\\textbackslash{}' : `\\${mark}`))
    .replace(/[%&#$_]/gu, (mark) => `\\${mark}`)
    .replaceAll('~', '\\textasciitilde{}')
    .replaceAll('^', '\\textasciicircum{}')

const bibEntry = ({ id, title, abstract, authors, year }: Truth) =>
  `@article{${id},\n  title = {{${escaped(title)}}},\n  author = {${authors.map(({ given, family }) => `${family}, ${given}`).join(' and ')}},\n  journal = {Journal of Peat},\n  year = {${year}},\n  abstract = {${escaped(abstract)}}\n}\n`

function writers(tools: string): readonly Writer[] {
  const python = join(tools, 'python/bin/python')
  const citationJs = join(tools, 'node_modules/citation-js')
  const output = async (command: string, ...args: string[]) =>
    (await run_(command, args, { maxBuffer: 2 ** 28, env: { ...process.env, LC_ALL: 'C.UTF-8' } })).stdout
  const bibutils = (command: string, writes: string, without?: Writer['without']): Writer => ({
    name: 'bibutils',
    writes,
    needs: [],
    write: ({ mods }) => output(command, mods),
    ...(without && { without }),
  })
  const pandoc = (format: string, writes: string): Writer => ({
    name: 'pandoc',
    writes,
    needs: [],
    write: ({ csl }) => output('pandoc', '-f', 'csljson', '-t', format, '-s', csl),
  })
  const node = (format: string, writes: string): Writer => ({
    name: 'citation-js',
    writes,
    needs: [citationJs],
    write: ({ csl }) =>
      output(
        process.execPath,
        '-e',
        `const Cite = require(${JSON.stringify(citationJs)}); const { readFileSync } = require('node:fs'); process.stdout.write(new Cite(JSON.parse(readFileSync(${JSON.stringify(csl)}, 'utf8'))).format(${JSON.stringify(format)}))`,
      ),
  })
  const pip = (script: string, name: string, writes: string): Writer => ({
    name,
    writes,
    needs: [python],
    write: ({ csl }) => output(python, '-c', script, csl),
  })
  const load = 'import json, sys\nitems = json.load(open(sys.argv[1], encoding="utf8"))\n'
  return [
    { name: 'bibutils', writes: 'MODS', needs: [], write: ({ bib }) => output('bib2xml', '-i', 'unicode', bib) },
    bibutils('xml2ris', 'RIS'),
    bibutils('xml2end', 'Refer'),
    bibutils('xml2bib', 'BibTeX'),
    bibutils('xml2isi', 'Web of Science'),
    bibutils('xml2wordbib', 'Word XML', ['abstract']),
    pandoc('bibtex', 'BibTeX'),
    pandoc('biblatex', 'BibLaTeX'),
    pandoc('csljson', 'CSL-JSON'),
    node('bibtex', 'BibTeX'),
    node('biblatex', 'BibLaTeX'),
    node('ris', 'RIS'),
    node('data', 'CSL-JSON'),
    pip(
      `${load}import rispy\nsys.stdout.write(rispy.dumps([{"type_of_reference": "JOUR", "id": i["id"], "title": i["title"], "abstract": i["abstract"], "authors": [a["family"] + ", " + a["given"] for a in i["author"]], "year": str(i["issued"]["date-parts"][0][0])} for i in items]))`,
      'rispy',
      'RIS',
    ),
    pip(
      `${load}import bibtexparser\nfrom bibtexparser.bibdatabase import BibDatabase\nfrom bibtexparser.latexenc import string_to_latex as t\ndb = BibDatabase()\ndb.entries = [{"ENTRYTYPE": "article", "ID": i["id"], "title": t(i["title"]), "abstract": t(i["abstract"]), "author": " and ".join(t(a["family"] + ", " + a["given"]) for a in i["author"]), "year": str(i["issued"]["date-parts"][0][0])} for i in items]\nsys.stdout.write(bibtexparser.dumps(db))`,
      'bibtexparser',
      'BibTeX',
    ),
  ]
}

/** Reads a program's output and counts the unchanged fields. */
async function compared(writer: Writer, truths: readonly Truth[], text: string, show: number): Promise<string> {
  const byId = new Map(truths.map((truth) => [truth.id, truth]))
  const byTitle = new Map(truths.map((truth) => [folded(truth.title), truth]))
  const equal = { title: 0, abstract: 0, authors: 0, year: 0 }
  const alike = { title: 0, abstract: 0, authors: 0, year: 0 }
  const told = new Map<string, number>()
  let papers = 0
  let from = ''
  const shown = { title: 0, abstract: 0, authors: 0, year: 0 }
  for await (const event of readSources({ name: writer.writes, content: text })) {
    if ('summary' in event) from = event.summary.papers.map(({ from }) => from).join(', ')
    else if ('problem' in event) told.set(event.problem.kind, (told.get(event.problem.kind) ?? 0) + 1)
    if (!('paper' in event)) continue
    papers++
    const { paper } = event
    const truth = byId.get(paper.id) ?? byTitle.get(folded(paper.title))
    if (truth === undefined) {
      if (shown.title++ < show)
        console.log(`  ${writer.name} ${writer.writes}: no such paper: ${JSON.stringify(paper.title)}`)
      continue
    }
    const names = truth.authors.map(({ given, family }) => `${given} ${family}`)
    const pairs = {
      title: [truth.title, paper.title],
      abstract: [truth.abstract, paper.abstract],
      authors: [names.join('; '), (paper.authors ?? []).join('; ')],
      year: [truth.year, paper.published?.slice(0, 4) ?? ''],
    } as const
    for (const field of Object.keys(pairs) as (keyof typeof pairs)[]) {
      const [was, is] = pairs[field]
      if (plain(was) === plain(is)) equal[field]++
      if (folded(was) === folded(is)) alike[field]++
      else if (shown[field]++ < show && !(writer.without as readonly string[] | undefined)?.includes(field)) {
        const at = [...folded(was)].findIndex((character, i) => character !== [...folded(is)][i])
        const around = (text: string) => JSON.stringify([...folded(text)].slice(Math.max(0, at - 30), at + 30).join(''))
        console.log(`  ${writer.name} ${writer.writes} ${paper.id} ${field}: ${around(was)} is ${around(is)}`)
      }
    }
  }
  const figure = (field: keyof typeof equal) =>
    (writer.without as readonly string[] | undefined)?.includes(field)
      ? 'no place'
      : `${equal[field]} (${alike[field]})`
  const problems = [...told].map(([kind, count]) => `${count} ${kind}`).join(', ') || '–'
  return `| ${writer.name} | ${writer.writes} | ${from} | ${papers} of ${truths.length} | ${figure('title')} | ${figure('abstract')} | ${figure('authors')} | ${figure('year')} | ${problems} |`
}

/** Normalises what no format keeps: white space and composed letters. */
const plain = (text: string) => text.normalize('NFC').replace(/\s+/gu, ' ').trim()

/**
 * Also normalises what programs set in their own way: quotes, dashes, raised and lowered digits, spaces before
 * punctuation.
 */
const folded = (text: string) =>
  plain(text.normalize('NFKC'))
    .replace(/[‘’`´′]/gu, "'")
    .replace(/[“”„]|''/gu, '"')
    .replace(/[–—−]|---?/gu, '-')
    .replace(/⌃/gu, '^')
    .toLowerCase()
