import { describe, expect, test } from 'vitest'
import { npmi, topicDiversity } from '../../src/evaluation/coherence.ts'

const documents = [
  'graph neural networks learn node features from graph structure and edges of the graph in a long abstract about nodes',
  'robots learn to walk with reinforcement learning in simulation and then on hardware with policy transfer',
  'diffusion models make images from noise and images of robots',
  'node classification with graph networks',
  'short graph',
  'policy gradient reinforcement learning for robots that walk on sand and stone with a graph of contacts',
  '',
].map((text) => text.split(' ').filter(Boolean))
const topics = [
  ['graph', 'networks', 'node', 'features'],
  ['reinforcement', 'learning', 'robots', 'policy', 'walk'],
  ['diffusion', 'images', 'noise'],
  ['graph', 'images', 'policy'],
]

describe('NPMI', () => {
  // gensim 4.4.0: CoherenceModel(topics, texts, dictionary, coherence='c_npmi', window_size).get_coherence_per_topic()
  test.each([
    [10, [0.44519922862387834, 0.3574200795656117, 1.0000000000176408, -0.8358754161422598]],
    [5, [0.45721013650328984, 0.09119898043860106, 0.19557486124730272, -0.8436884008719718]],
    [110, [0.5780969567113026, 0.8705373264413199, 1.0000000000071945, -0.6207265711884308]],
  ])('as gensim with a window of %i', (window, expected) => {
    const found = npmi(topics, { documents, window })
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 8)
  })

  test('the whole document counts like a window longer than all documents', () => {
    expect(npmi(topics, { documents, window: Number.POSITIVE_INFINITY })).toEqual(
      npmi(topics, { documents, window: 110 }),
    )
  })

  test('unknown words count 0, a topic of one word has none', () => {
    expect(npmi([['graph', 'zebra'], ['graph'], []], { documents })).toEqual([0, Number.NaN, Number.NaN])
  })

  test('a window below 1 is refused', () => {
    expect(() => npmi(topics, { documents, window: 0 })).toThrow('Expected `window`')
  })
})

test('topic diversity is the share of distinct words', () => {
  expect(
    topicDiversity([
      ['a', 'b'],
      ['b', 'c'],
    ]),
  ).toBe(3 / 4)
  expect(topicDiversity([['a'], ['b']])).toBe(1)
  expect(topicDiversity([])).toBeNaN()
})
