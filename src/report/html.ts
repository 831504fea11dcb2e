// The page: one file with its style, its code and its deflated data. It fetches nothing, its content security policy allows
// no other code, and titles and abstracts never become markup. The code stands between the core and the blocks, so that the
// map is drawn while the browser still reads the abstracts.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { deflateRaw } from 'node:zlib'
import { PaperkinError } from '../errors.ts'
import { packageFile } from '../runtime/package-files.ts'
import { type Progress, timeSlice } from '../runtime/time-slice.ts'
import {
  blockSize,
  type PageArea,
  type PageCore,
  type PageGroup,
  type PageKinBlock,
  type PageNews,
  type PageSource,
} from './page-data.ts'
import { pageVectors } from './page-vectors.ts'
import type { ReportArea, ReportData, ReportGroup } from './report-data.ts'
import { namedThings, shortScore, timesAsFrequent, whatIsCompared } from './wording.ts'

const deflate = promisify(deflateRaw)

const icon = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="5" cy="10" r="3.4" fill="#3b6fb0"/><circle cx="10.6" cy="5.6" r="2.6" fill="#b2662e"/><circle cx="12" cy="12" r="1.6" fill="#777"/></svg>',
)}`

interface PageOptions {
  /** `papers × dimensions` unit rows. */
  readonly vectors: Float32Array
  readonly dimensions: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/**
 * The page of a report.
 * @throws PaperkinError `unreadable-source` if the package was not built
 */
export async function htmlReport(data: ReportData, options: PageOptions): Promise<string> {
  const [code, style] = await Promise.all([built('report.js'), built('report.css')])
  const slice = timeSlice(options.signal)
  const { components, bytes } = await pageVectors(options.vectors, { dimensions: options.dimensions, slice })
  const { core, kin } = pageData(data, components)
  // Column by column, so that the event loop can run in between.
  const columns: string[] = []
  for (const [name, column] of Object.entries(core)) {
    columns.push(`${JSON.stringify(name)}:${JSON.stringify(column())}`)
    if (slice.due()) await slice.rest()
  }
  const first = await packed('core', `{${columns.join(',')}}`)
  const rest: string[] = []
  for (let row = 0; row < data.papers.length; row += blockSize) {
    options.onProgress?.({ done: row, total: data.papers.length })
    const papers = data.papers.slice(row, row + blockSize)
    rest.push(await packed(`texts-${row / blockSize}`, texts(papers)))
    rest.push(await packed(`kin-${row / blockSize}`, JSON.stringify(kin(papers))))
    if (slice.due()) await slice.rest()
  }
  rest.push(await packed('vectors', bytes))
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(code)}'`,
    `style-src '${hashOf(style)}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  const title = asText(data.title)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="paperkin">
<title>${title}</title>
<link rel="icon" href="${icon}">
<style>${style}</style>
</head>
<body>
<p id="opening" class="opening">Opening ${data.papers.length.toLocaleString('en')} papers &#8230;</p>
<noscript><p>${title}. This page draws its map and its lists with JavaScript, which is switched off here.</p></noscript>
${first}
<script>${code}</script>
${rest.join('\n')}
</body>
</html>
`
}

/**
 * A page as `paperkin serve` sends it: it may ask the address that it came from, and nobody else, and knows that it is live.
 * `policy` is its content security policy, for the header of the answer.
 */
export function livePage(html: string): { readonly page: string; readonly policy: string } {
  const page = html
    .replace('<html lang="en">', '<html lang="en" data-live>')
    .replace("default-src 'none';", "default-src 'none'; connect-src 'self';")
  const [, policy = ''] = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/u.exec(page) ?? []
  return { page, policy }
}

/** Deflates a part of the data into a `script` element that browsers do not run. */
async function packed(name: string, content: string | Uint8Array): Promise<string> {
  const bytes = await deflate(content, { level: 9 })
  return `<script type="application/octet-stream" id="${name}">${bytes.toString('base64')}</script>`
}

const hashOf = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`

/**
 * Escapes everything but plain ASCII as character references: it cannot become markup, and a page of ASCII alone takes half
 * the memory and a fraction of the time to build.
 */
const asText = (text: string) =>
  text.replace(/[^ -~]|[&<>"']/gu, (character) => `&#${character.codePointAt(0) as number};`)

/** A file of the page from the build. */
async function built(name: string): Promise<string> {
  try {
    return (await readFile(packageFile(`#page/${name}`), 'utf8')).trim()
  } catch (cause) {
    throw new PaperkinError(
      'unreadable-source',
      `Expected the built file \`dist/page/${name}\` in the package, found none: run \`npm run build\`.`,
      { cause },
    )
  }
}

/** Abstracts, authors and links of papers. */
function texts(papers: ReportData['papers']): Uint8Array {
  const abstracts = papers.map(({ abstract }) => Buffer.from(abstract))
  const lengths = Buffer.alloc(4 * papers.length)
  for (const [i, { length }] of abstracts.entries()) lengths.writeUInt32LE(length, 4 * i)
  const sources = papers.map(({ authors = [], link = '' }): PageSource => [authors, link])
  return Buffer.concat([lengths, ...abstracts, Buffer.from(JSON.stringify(sources))])
}

/** Functions that make the columns of the core, and the kin of papers. */
function pageData(
  data: ReportData,
  components: number,
): {
  readonly core: { readonly [Name in keyof PageCore]: () => PageCore[Name] }
  readonly kin: (papers: ReportData['papers']) => PageKinBlock
} {
  const { papers, topics } = data
  const rowOf = new Map(papers.map(({ id }, row) => [id, row]))
  const positionOf = new Map(topics.map(({ id }, position) => [id, position]))
  const categories = [...new Set(papers.flatMap(({ categories = [] }) => categories))].sort()
  const categoryOf = new Map(categories.map((category, position) => [category, position]))
  const group = ({ topic, label, size, children }: ReportGroup): PageGroup => ({
    ...(topic !== undefined && { topic: positionOf.get(topic) as number }),
    label,
    size,
    children: children.map(group),
  })
  const areas: PageArea[] = []
  const positionOfArea = new Map<string, number>()
  const addArea = ({ name, level, children }: ReportArea, depth: number, parent: number): void => {
    const position = areas.push({ name, depth, parent }) - 1
    if (level === 'area') positionOfArea.set(name, position)
    for (const child of children) addArea(child, depth + 1, position)
  }
  for (const discipline of data.areas) addArea(discipline, 0, -1)
  const core = {
    title: () => data.title,
    components: () => components,
    weights: () => [data.weights.semantic, data.weights.lexical] as const,
    periods: () => data.periods,
    topics: () =>
      topics.map(({ representatives, ...topic }) => ({
        ...topic,
        representatives: representatives.map((id) => rowOf.get(id) as number),
      })),
    groups: () => data.hierarchy.children.map(group),
    categories: () => categories,
    areas: () => areas,
    news: () => newsOf(data, rowOf),
    ids: () => papers.map(({ id }) => id),
    titles: () => papers.map(({ name }) => name),
    dates: () => papers.map(({ published = '' }) => published),
    topicOf: () => papers.map(({ topic }) => (topic === null ? -1 : (positionOf.get(topic) as number))),
    nearest: () =>
      Object.fromEntries(
        data.outliers.map(({ id, nearest }) => [rowOf.get(id) as number, positionOf.get(nearest) as number]),
      ),
    categoriesOf: () =>
      papers.map(({ categories = [] }) => categories.map((category) => categoryOf.get(category) as number)),
    areaOf: () => papers.map(({ area }) => (area === undefined ? -1 : (positionOfArea.get(area.area) as number))),
    x: () => papers.map(({ x }) => x),
    y: () => papers.map(({ y }) => y),
  }
  const kin = (papers: ReportData['papers']): PageKinBlock => {
    const all = papers.flatMap((paper) => paper.kin)
    return [
      papers.map((paper) => paper.kin.length),
      all.map(({ id }) => rowOf.get(id) as number),
      all.map(({ semantic }) => Math.round(1000 * semantic)),
      all.map(({ lexical }) => Math.round(1000 * lexical)),
      all.map(({ shared }) => shared.join('\n')),
    ]
  }
  return { core, kin }
}

/** News as lines of text; null if the report has none. */
function newsOf({ novelty }: ReportData, rowOf: ReadonlyMap<string, number>): PageCore['news'] {
  if (novelty === undefined) return null
  const { unlike, earlier, papers, missing } = novelty
  if (missing !== undefined)
    return { compared: `What is new cannot be determined: ${missing}.`, frequent: [], unlike: [] }
  const rowsOf = (ids: readonly string[]) => ids.flatMap((id) => rowOf.get(id) ?? [])
  const frequent = namedThings(novelty).map(({ name, isTentative, ...one }): PageNews => {
    const before = `before ${one.before.toLocaleString('en')} of ${earlier.count.toLocaleString('en')}`
    const chance = isTentative ? ', may be chance' : ''
    return {
      name,
      figures: `${one.count} of ${papers.length.toLocaleString('en')}, ${before}: ${timesAsFrequent(one)}${chance}`,
      rows: rowsOf(one.papers),
    }
  })
  return {
    compared: `${whatIsCompared(novelty)}.`,
    frequent,
    unlike: unlike.map(({ id, title, nearest, area, before = 0 }) => ({
      name: title || id,
      figures: `nearest, at ${shortScore(nearest.similarity)}: ${nearest.title || nearest.id}${area === undefined ? '' : `; ${before || 'none'} before in ${area}`}`,
      rows: rowsOf([id]),
    })),
  }
}
