import { LexicalIndex } from '../../src/lexical/lexical-index.ts'
import { type Paper, toPaper } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import type { TopicInput } from '../../src/topics/find-topics.ts'

const syllables = 'ba do ki lu me na po ri sa te vu zo'.split(' ')

/** Words that no language has, different for each topic. */
export function topicWords(topic: number): string[] {
  return Array.from({ length: 6 }, (_, i) => {
    const number = topic * 6 + i
    return `${syllables[number % 12]}${syllables[Math.floor(number / 12) % 12]}${syllables[(number * 5) % 12]}n`
  })
}

const slice = timeSlice(undefined)

export interface Planted extends TopicInput {
  /** The planted topic of each paper. */
  readonly truth: readonly number[]
}

/** Papers around random directions, each topic with words of its own; `noise` is the length of what is added to a direction. */
export async function planted({
  topics,
  size,
  noise = 1,
  dimensions = 48,
  seed = 1,
}: {
  readonly topics: number
  readonly size: number
  readonly noise?: number
  readonly dimensions?: number
  readonly seed?: number
}): Promise<Planted> {
  const random = seededRandom(seed)
  const direction = () => unit(Float64Array.from({ length: dimensions }, () => random() + random() + random() - 1.5))
  const centres = Array.from({ length: topics }, direction)
  const papers: Paper[] = []
  const vectors: Float64Array[] = []
  const truth: number[] = []
  for (let i = 0; i < topics * size; i++) {
    const topic = i % topics
    const words = topicWords(topic)
    const pick = () => words[Math.floor(random() * words.length)]
    papers.push(
      toPaper({
        id: `paper-${String((i * 7919) % 100_003).padStart(6, '0')}`,
        title: `A look at ${pick()} and ${pick()}`,
        abstract: `We study the ${pick()} of a ${pick()}. The ${pick()} is compared with the ${pick()}, and a ${pick()}.`,
      }),
    )
    const away = direction()
    vectors.push(unit(centres[topic]!.map((x, d) => x + noise * away[d]!)))
    truth.push(topic)
  }
  return { ...(await rowsOf(papers, vectors)), truth }
}

/** Papers and vectors as topics take them. */
export async function rowsOf(papers: readonly Paper[], vectors: readonly ArrayLike<number>[]): Promise<TopicInput> {
  const dimensions = vectors[0]?.length ?? 4
  const all = new Float32Array(papers.length * dimensions)
  vectors.forEach((vector, row) => {
    all.set(vector, row * dimensions)
  })
  const index = new LexicalIndex()
  return {
    papers,
    vectors: all,
    dimensions,
    lexical: await index.sparseRows(
      papers.map((paper) => index.add(index.count(paper))),
      slice,
    ),
  }
}

/** The same papers in another order, their rows and lexical numbers with them. */
export function reordered(input: TopicInput, order: readonly number[]): Promise<TopicInput> {
  const { papers, vectors, dimensions } = input
  return rowsOf(
    order.map((row) => papers[row]!),
    order.map((row) => vectors.subarray(row * dimensions, (row + 1) * dimensions)),
  )
}

export function unit(vector: Float64Array): Float64Array {
  const length = Math.hypot(...vector)
  return vector.map((x) => x / length)
}
