import type { PaperArea } from '../../atlas/atlas.ts'
import type { HitList } from '../../library/asking/ranking.ts'
import type { Paper } from '../../paper.ts'
import { paperDoi, paperLink, searchLink } from '../../report/links.ts'
import { count, longDate } from '../../report/wording.ts'
import { defineCommand, fileHelp, kinOption, papersOptions } from '../command.ts'
import { prose, wrapped } from '../fitted-text.ts'
import { hitData, listedHit } from '../hits.ts'
import { fileAndWords, namedPaper, type PapersArguments, withPapers } from '../open-papers.ts'
import { paperTable } from '../table.ts'
import type { Colors } from '../terminal.ts'

interface ShowArguments extends PapersArguments {
  readonly kin: number
}

interface ShownPaper {
  readonly paper: Paper
  /** Its topic; undefined if topics were not computed, null for an outlier. */
  readonly topic: { readonly id: number; readonly label: string; readonly size: number } | null | undefined
  readonly area: PaperArea | undefined
  readonly kin: HitList | undefined
}

/** With more papers, finding topics takes too long for showing one paper. */
const maxForTopics = 600
/** Authors listed on a terminal. */
const maxAuthors = 30

export const show = defineCommand<ShowArguments>({
  name: 'show',
  summary: 'show a paper with its abstract, topic and kin',
  description: 'Name a paper by its id or the start of it, an arXiv id, a DOI, an address, or words of its title.',
  usage: '[options] FILE PAPER… | --library LIBRARY PAPER…',
  arguments: [['<paper...>', `${fileHelp}, then a paper; with --library only the paper`]],
  options: [
    kinOption('how many of its nearest kin; 0 shows the paper at once, without topic and area', 5).default(5),
    ...papersOptions(),
  ],
  examples: [
    'paperkin show today.txt 2407.01234',
    'paperkin show today.txt grasping glass',
    'paperkin show --library papers 2401.00001 --kin 0',
    'paperkin show today.txt https://arxiv.org/abs/2407.01234v2 --json',
  ],
  run: (args, options, context) => {
    const { files, text } = fileAndWords(args, options, context)
    const { kin: k } = options
    const { signal, terminal } = context
    return withPapers(
      files,
      options,
      context,
      async ({ library, sources }) => {
        const paper = await namedPaper(library, text, signal)
        const kin = k > 0 ? await library.related(paper.id, { k, signal }) : undefined
        const topics = k > 0 && library.size <= maxForTopics ? await library.topics({ signal }) : undefined
        const { id, label, size } = topics?.of(paper.id) ?? {}
        const topic =
          id !== undefined && label !== undefined && size !== undefined ? { id, label, size } : topics && null
        const [[area] = []] = k > 0 ? await library.readAreas([paper.id], { signal }) : []
        const shown = { paper, topic, area, kin }
        const link = paperLink(paper)
        const data = {
          paper,
          link: link ?? null,
          ...(link === undefined && { search: searchLink(paper) }),
          topic: topic ?? null,
          area: area ?? null,
          ...(kin && { weights: kin.weights }),
          kin: kin?.hits.map(hitData) ?? [],
          sources,
        }
        return {
          page: (columns) => shownPage(shown, terminal.colors, columns),
          data: () => data,
          records: () => [data],
        }
      },
      { isEmbedded: k > 0 },
    )
  },
})

function shownPage({ paper, topic, area, kin }: ShownPaper, colors: Colors, columns: number): string {
  const { id, title, abstract, authors = [], categories = [], published, version } = paper
  const link = paperLink(paper)
  const doi = paperDoi(paper)
  const isCut = columns !== Number.POSITIVE_INFINITY && authors.length > maxAuthors
  const names = isCut
    ? `${authors.slice(0, maxAuthors).join(', ')} and ${count(authors.length - maxAuthors, 'other')}`
    : authors.join(', ')
  const facts = [published === undefined ? '' : longDate(published), categories.join(', ')].filter((it) => it !== '')
  const lines = [
    ...(title === '' ? [] : [colors.bold(prose(title, columns))]),
    ...(names === '' ? [] : [prose(names, columns)]),
    ...(facts.length === 0 ? [] : [colors.dim(wrapped(facts.join(' · '), columns))]),
    ...(link === undefined ? [] : [colors.cyan(link)]),
    '',
    abstract.trim() === '' ? colors.dim('no abstract') : prose(abstract, columns),
    '',
  ]
  const field = (name: string, value: string | undefined) => {
    if (value) lines.push(wrapped(value, columns, `${colors.dim(name.padEnd(6))} `, ' '.repeat(7)))
  }
  field('topic', topic === null ? 'apart from all topics' : topic && `${topic.id + 1}  ${topic.label} (${topic.size})`)
  field('area', area && [...new Set([area.area, area.field, area.discipline])].join(', '))
  field('id', version === undefined ? id : `${id} (version ${version})`)
  field('doi', doi)
  if (link === undefined) field('find  ', searchLink(paper))
  if (kin !== undefined && kin.hits.length > 0)
    lines.push('', colors.bold('Kin'), paperTable(kin.hits.map(listedHit), colors, columns))
  return lines.join('\n')
}
