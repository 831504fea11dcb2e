import { Option } from 'commander'
import { PaperkinError } from '../../errors.ts'
import { mtebClustering } from '../../evaluation/mteb-clustering.ts'
import type { Spread } from '../../evaluation/topic-figures.ts'
import { evaluateTopics, type TopicEvaluation } from '../../library/evaluate-topics.ts'
import { PaperLibrary } from '../../library/paper-library.ts'
import type { Paper } from '../../paper.ts'
import { count } from '../../report/wording.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { readDigest } from '../../sources/read-papers.ts'
import { readNpy } from '../../vectors/npy.ts'
import { type Answer, defineCommand, integer, number, topicsOption } from '../command.ts'
import { reportSources } from '../open-papers.ts'
import { table } from '../table.ts'

interface EvaluateTopicsOptions {
  readonly label: string
  readonly vectors?: string
  readonly topics?: number | 'auto'
  readonly seeds: number
  readonly protocol: 'topics' | 'mteb'
  readonly fraction?: number
}

export const evaluateTopicsCommand = defineCommand<EvaluateTopicsOptions>({
  name: 'evaluate topics',
  summary: 'measure how well topics agree with your labels',
  description:
    'Finds topics by each method with several seeds: once as many as there are labels, once with the number chosen ' +
    'automatically. Brackets hold the minimum and maximum over the seeds. Outliers count as members of their nearest topic.',
  arguments: [['<file>', 'JSON or JSON lines, one paper per record, with its label']],
  options: [
    new Option('--label <field>', 'the field that holds the label').default('label'),
    new Option('--vectors <file.npy>', 'your own vectors instead of the model’s, one row per paper in the same order'),
    topicsOption('only this number of topics, or auto (default: both the number of labels and auto)'),
    new Option('--seeds <count>', 'how many seeds').argParser(integer('--seeds', 1, 100)).default(5),
    new Option('--protocol <name>', 'topics: paperkin’s topics; mteb: only the vectors, clustered as MTEB does')
      .choices(['topics', 'mteb'])
      .default('topics'),
    new Option(
      '--fraction <share>',
      'with mteb: the share of the papers to sample, 1 for all (default: 0.04)',
    ).argParser(number('--fraction', 0.0001, 1)),
  ],
  formerly: { '--count <count>': 'topics' },
  examples: [
    'paperkin evaluate topics labelled.jsonl --label label',
    'paperkin evaluate topics labelled.jsonl --topics 3 --seeds 2 --json',
    'paperkin evaluate topics labelled.jsonl --protocol mteb --fraction 1',
  ],
  run: async ([file = ''], { label, vectors, topics: asked, seeds, protocol, fraction }, { signal, terminal }) => {
    const { papers, sources } = await readDigest(file)
    reportSources(sources, terminal)
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
      if (protocol === 'mteb') return await mtebAnswer(library, labels, { matrix, papers, fraction, signal })
      const progress = terminal.progress('finding topics', 'runs')
      const evaluations = await evaluateTopics(library, labels, {
        seeds,
        signal,
        onProgress: progress.update,
        ...(asked !== undefined && { counts: [asked] }),
      }).finally(progress.clear)
      if (labels.size < papers.length)
        terminal.note(`Skipped ${count(papers.length - labels.size, 'paper')} without \`${label}\``)
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

/** MTEB's clustering of the unchanged vectors, in the order of the file. */
async function mtebAnswer(
  library: PaperLibrary,
  labels: ReadonlyMap<string, string>,
  {
    matrix,
    papers,
    fraction,
    signal,
  }: {
    readonly matrix: { readonly values: Float32Array } | undefined
    readonly papers: readonly Paper[]
    readonly fraction: number | undefined
    readonly signal: AbortSignal
  },
): Promise<Answer> {
  const dimensions = library.dimensions ?? 1
  const rows = Array.from(papers.keys()).filter((row) => labels.has((papers[row] as Paper).id))
  const vectors = new Float32Array(rows.length * dimensions)
  for (const [i, row] of rows.entries()) {
    const vector =
      matrix?.values.subarray(row * dimensions, (row + 1) * dimensions) ?? library.vector((papers[row] as Paper).id)
    vectors.set(vector as Float32Array, i * dimensions)
  }
  const slice = timeSlice(signal)
  const names = rows.map((row) => labels.get((papers[row] as Paper).id) as string)
  const result = await mtebClustering(vectors, names, { dimensions, fraction, rest: () => slice.rest() })
  const least = Math.min(...result.vMeasures)
  const most = Math.max(...result.vMeasures)
  return {
    page: () =>
      `${count(result.documents, 'paper')}, ${count(result.labels, 'label')}, ${count(result.vMeasures.length, 'run')}\n\nV-measure ${short(result.vMeasure)} [${short(least)} … ${short(most)}]`,
    data: () => ({ protocol: 'mteb', ...result }),
    records: () => [result],
  }
}

function labelled({ id, categories, extra }: Paper, field: string): [string, string][] {
  const value = field === 'categories' ? categories?.[0] : extra?.[field]
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? [[id, String(value)]] : []
}

function evaluationTable(evaluations: readonly TopicEvaluation[], columns: number): string {
  const right = { align: 'right' as const }
  // The range over the seeds needs a wide terminal.
  const spread = (of: Spread) => (columns < 80 ? short(of.mean) : fraction(of))
  const found = (of: Spread) => (columns < 80 ? of.mean.toFixed(of.least === of.most ? 0 : 1) : whole(of))
  return table(
    [
      { header: 'method' },
      { header: 'asked', ...right },
      { header: 'topics', ...right },
      { header: 'NMI', ...right },
      { header: 'ARI', ...right },
      { header: 'V', ...right },
      { header: 'purity', ...right, isOptional: true },
      { header: 'silhouette', ...right, isOptional: true },
      { header: 'NPMI', ...right, isOptional: true },
      { header: 'diversity', ...right, isOptional: true },
      { header: 'outliers', ...right, isOptional: true },
      { header: 'seconds', ...right, isOptional: true },
    ],
    evaluations.map(({ method, asked, figures }) => [
      method,
      String(asked),
      found(figures.found),
      spread(figures.nmi),
      spread(figures.ari),
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
