import { Option } from 'commander'
import { PaperkinError } from '../../errors.ts'
import type { Spread } from '../../evaluation/topic-figures.ts'
import { evaluateTopics, type TopicEvaluation } from '../../library/evaluate-topics.ts'
import { PaperLibrary } from '../../library/paper-library.ts'
import type { Paper } from '../../paper.ts'
import { count } from '../../report/wording.ts'
import { readPapers } from '../../sources/read-papers.ts'
import { readNpy } from '../../vectors/npy.ts'
import { defineCommand, integer } from '../command.ts'
import { table } from '../table.ts'

interface EvaluateTopicsOptions {
  readonly label: string
  readonly vectors?: string
  readonly count?: number | 'auto'
  readonly seeds: number
}

export const evaluateTopicsCommand = defineCommand<EvaluateTopicsOptions>({
  name: 'evaluate topics',
  summary: 'how well topics agree with labels of your own',
  description:
    'Finds topics by both methods, as many as there are labels and as many as it finds by itself, with several seeds.\n' +
    'In brackets the least and the most over the seeds. An outlier counts as a member of its nearest topic.',
  arguments: [['<file>', 'JSON or JSON lines, a record a paper, with its label']],
  options: [
    new Option('--label <field>', 'the field that holds the label').default('label'),
    new Option('--vectors <file.npy>', 'vectors of your own in place of the model, a row a paper in their order'),
    new Option('--count <count>', 'how many topics to ask for, in place of the number of labels and auto').argParser(
      (text: string) => (text === 'auto' ? text : integer('--count', 1)(text)),
    ),
    new Option('--seeds <count>', 'how many seeds').argParser(integer('--seeds', 1, 100)).default(5),
  ],
  examples: [
    'paperkin evaluate topics labelled.jsonl --label label',
    'paperkin evaluate topics labelled.jsonl --count 3 --seeds 2 --json',
  ],
  run: async ([file = ''], { label, vectors, count: asked, seeds }, { signal, terminal }) => {
    const papers = await readPapers(file)
    const labels = new Map(papers.flatMap((paper) => labelled(paper, label)))
    if (labels.size === 0)
      throw new PaperkinError(
        'invalid-argument',
        `Expected papers with a field \`${label}\` in ${file}, found none: name the field with --label.`,
      )
    const matrix = vectors === undefined ? undefined : await readNpy(vectors, { signal })
    if (matrix !== undefined && matrix.rows !== papers.length)
      throw new PaperkinError(
        'invalid-argument',
        `Expected a vector for each of the ${papers.length} papers of ${file}, got ${matrix.rows} in ${vectors}.`,
      )
    const library = await PaperLibrary.open(matrix === undefined ? {} : { embedder: 'none' })
    try {
      const embedding = terminal.progress('embedding', 'papers')
      await library
        .add(papers, { signal, onProgress: embedding.update, ...(matrix && { vectors: matrix.values }) })
        .finally(embedding.clear)
      const progress = terminal.progress('finding topics', 'runs')
      const evaluations = await evaluateTopics(library, labels, {
        seeds,
        signal,
        onProgress: progress.update,
        ...(asked !== undefined && { counts: [asked] }),
      }).finally(progress.clear)
      if (labels.size < papers.length)
        terminal.note(`${count(papers.length - labels.size, 'paper')} without \`${label}\` are not judged`)
      const kinds = new Set(labels.values()).size
      return {
        page: (columns) =>
          `${count(labels.size, 'paper')}, ${count(kinds, 'label')}, ${count(seeds, 'seed')}\n\n${evaluationTable(evaluations, columns)}`,
        data: () => ({ papers: labels.size, labels: kinds, seeds, evaluations }),
        records: () => evaluations,
      }
    } finally {
      await library.close()
    }
  },
})

function labelled({ id, categories, extra }: Paper, field: string): [string, string][] {
  const value = field === 'categories' ? categories?.[0] : extra?.[field]
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? [[id, String(value)]] : []
}

function evaluationTable(evaluations: readonly TopicEvaluation[], columns: number): string {
  const right = { align: 'right' as const }
  return table(
    [
      { header: 'method' },
      { header: 'asked', ...right },
      { header: 'topics', ...right },
      { header: 'NMI', ...right },
      { header: 'ARI', ...right },
      { header: 'V', ...right },
      { header: 'purity', ...right },
      { header: 'silhouette', ...right, isOptional: true },
      { header: 'NPMI', ...right, isOptional: true },
      { header: 'diversity', ...right, isOptional: true },
      { header: 'outliers', ...right, isOptional: true },
      { header: 'seconds', ...right },
    ],
    evaluations.map(({ method, asked, figures }) => [
      method,
      String(asked),
      whole(figures.found),
      fraction(figures.nmi),
      fraction(figures.ari),
      short(figures.vMeasure.mean),
      short(figures.purity.mean),
      short(figures.silhouette.mean),
      short(figures.npmi.mean),
      short(figures.diversity.mean),
      `${(100 * figures.outlierShare.mean).toFixed(1)} %`,
      figures.seconds.mean.toFixed(1),
    ]),
    columns,
  )
}

const short = (value: number) => value.toFixed(3).replace(/^(-?)0\./u, '$1.')
const fraction = ({ mean, least, most }: Spread) => `${short(mean)} [${short(least)} … ${short(most)}]`
const whole = ({ mean, least, most }: Spread) =>
  least === most ? String(least) : `${mean.toFixed(1)} [${least} … ${most}]`
