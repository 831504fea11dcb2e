import { describe, expect, test } from 'vitest'
import { toPaper } from '../../src/paper.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import { labelTopics } from '../../src/topics/label-topics.ts'
import { Phrases } from '../../src/topics/phrases.ts'
import { isAcronym, singular, Words } from '../../src/topics/words.ts'

let lastId = 0
const paper = (title: string, abstract: string) => toPaper({ id: `p${lastId++}`, title, abstract })

/** A name for each topic. */
async function labels<Groups extends (readonly ReturnType<typeof paper>[])[]>(...topics: Groups) {
  const papers: readonly ReturnType<typeof paper>[] = topics.flat()
  const members = topics.map((topic) => topic.map((one) => papers.indexOf(one)))
  const slice = timeSlice(undefined)
  const names = await labelTopics(await Phrases.read(papers, slice), { members, termsPerLabel: 3, slice })
  expect(names).toHaveLength(topics.length)
  return names as { [Topic in keyof Groups]: (typeof names)[number] }
}

const languageModels = [
  paper(
    'Probing BERT with Riddles',
    'We propose riddles for large language models. BERT fails, and GPT-4 solves most riddles.',
  ),
  paper(
    'How a large language model counts',
    'A large language model, such as GPT-4, counts badly. We show that BERT counts worse.',
  ),
  paper(
    'Riddles in the wild',
    'In this paper we ask large language models. GPT-4 answers; the results of BERT are state of the art.',
  ),
  paper(
    'Training with riddles',
    'The training of large language models uses riddles. GPT-4 and BERT are compared with the riddle of a child.',
  ),
]
const epidemics = [
  paper(
    'COVID-19 in Small Towns',
    'The spread of COVID-19 is simulated. Contact tracing helps the towns, and vaccines help more.',
  ),
  paper(
    'Contact Tracing Without Phones',
    'We evaluate contact tracing for COVID-19 with paper notes. Vaccines were rare in the towns.',
  ),
  paper(
    'Vaccines First',
    'Vaccines end COVID-19 earlier than contact tracing does, our experiments in towns demonstrate.',
  ),
  paper(
    'Masks and towns',
    'Contact tracing and masks slow COVID-19. $\\mathcal{R}_0$ falls by \\textbf{half}: see https://example.org/masks.',
  ),
]

describe('labels', () => {
  test('spell as the papers do, whole phrases, one form of each word', async () => {
    const [language, epidemic] = await labels(languageModels, epidemics)
    const terms = language.terms.map(({ term }) => term)
    expect(terms).toContain('large language models')
    expect(terms).toContain('GPT-4')
    expect(terms).toContain('BERT')
    expect(terms).toContain('riddles')
    expect(terms).not.toContain('riddle')
    expect(epidemic.terms.map(({ term }) => term)).toEqual(
      expect.arrayContaining(['COVID-19', 'contact tracing', 'vaccines', 'towns']),
    )
    expect(epidemic.label).toBe(
      epidemic.terms
        .slice(0, 3)
        .map(({ term }) => term)
        .join(', '),
    )
  })

  test('hold no boilerplate, no LaTeX, no address, and no word twice', async () => {
    for (const { terms } of await labels(languageModels, epidemics)) {
      const words = terms.flatMap(({ term }) => term.toLowerCase().split(/[ -]/u))
      expect(new Set(words).size).toBe(words.length)
      for (const word of [
        'paper',
        'results',
        'propose',
        'show',
        'art',
        'experiments',
        'mathcal',
        'textbf',
        'https',
        'example',
      ])
        expect(words).not.toContain(word)
      expect(terms[0]!.weight).toBe(1)
    }
  })

  test('hold what a word is of, where it nearly always is', async () => {
    const minds = ['Toddlers', 'Crows', 'Robots', 'Actors'].map((who) =>
      paper(
        `${who} and a theory of mind`,
        `${who} guess what others know: a theory of mind helps, in the size of a brain.`,
      ),
    )
    const [mind] = await labels(minds, epidemics)
    const terms = mind.terms.map(({ term }) => term)
    expect(terms).toContain('theory of mind')
    expect(terms.filter((term) => /theory|mind/u.test(term))).toHaveLength(1)
  })

  test('hold a phrase or its acronym, not both', async () => {
    const multitask = [
      paper('Multi-task learning of gaits', 'Multi-task learning (MTL) helps a horse. MTL needs gaits of many horses.'),
      paper('When MTL forgets', 'A horse forgets gaits under multi-task learning. Longer MTL helps.'),
      paper('Gaits by multitask learning', 'With multitask learning, or MTL, horses learn gaits.'),
    ]
    const [first] = await labels(multitask, epidemics)
    const terms = first.terms.map(({ term }) => term)
    expect(terms.filter((term) => /^mtl$|multi-?task learning/iu.test(term))).toHaveLength(1)
    expect(isAcronym('mtl', ['multitask', 'learn'])).toBe(true)
    expect(isAcronym('ml', ['multitask', 'learn'])).toBe(true)
    expect(isAcronym('mll', ['multitask', 'learn'])).toBe(false)
    expect(isAcronym('llm', ['large', 'languag', 'model'])).toBe(true)
  })

  test('are of words that a title has, before others', async () => {
    const herons = ['Marsh', 'Pond', 'River'].map((place) =>
      paper(`Herons of the ${place}`, `Frogs, newts and reeds: herons. Frogs, newts and reeds, near the ${place}.`),
    )
    const [{ label, terms }] = await labels(herons, epidemics)
    expect(terms.length).toBeGreaterThan(3)
    expect(label.split(', ')[0]).toBe('herons')
  })

  test('differ where two topics have the same words, and stand in where there are none', async () => {
    const twins = [paper('Owls at night', 'Owls hunt mice.'), paper('Owls by day', 'Owls hunt mice.')]
    const others = [paper('Owls at dusk', 'Owls hunt mice.'), paper('Owls at dawn', 'Owls hunt mice.')]
    const empty = [paper('…', ''), paper('42', '')]
    const found = await labels(twins, others, empty)
    expect(new Set(found.map(({ label }) => label)).size).toBe(3)
    expect(found[2]).toEqual({ label: 'topic 3', terms: [] })
  })

  test('a single topic is named by what most of its papers have', async () => {
    const [{ terms }] = await labels(epidemics)
    expect(terms.map(({ term }) => term)).toEqual(expect.arrayContaining(['COVID-19', 'contact tracing']))
  })

  test('one paper that repeats a word does not name its topic', async () => {
    const topic = [
      ...epidemics,
      paper('Turnips', 'Turnips, turnips, turnips, turnips, turnips, turnips and turnips in a box of turnips.'),
    ]
    const [, { terms }] = await labels(languageModels, topic)
    expect(terms.slice(0, 3).map(({ term }) => term)).not.toContain('turnips')
  })

  test('other scripts are spelled as they are', async () => {
    const found = await labels(
      [paper('Сети и графы', 'Графы и сети в теории графов.'), paper('Графы', 'Теория: графы, сети.')],
      [paper('量子计算', '量子计算 的 误差。'), paper('量子计算 与 误差', '误差 和 量子。')],
    )
    expect(found[0].terms.map(({ term }) => term)).toContain('графы')
    expect(found[1].label).toMatch(/量子|计算|误差/u)
  })
})

test.each([
  ['models', 'model'],
  ['policies', 'policy'],
  ['classes', 'class'],
  ['boxes', 'box'],
  ['analysis', 'analysis'],
  ['bias', 'bias'],
  ['physics', 'physics'],
  ['llms', 'llm'],
  ['bus', 'bus'],
  ['series', 'series'],
  ['graph', 'graph'],
])('the singular of %s is %s', (word, expected) => {
  expect(singular(word)).toBe(expected)
})

describe('words', () => {
  const spellings = (...titles: [string, string][]) => {
    const words = new Words()
    const forms = titles.map(([title, abstract]) => words.read({ title, abstract }))
    return (text: string) => {
      const seen = words.read({ title: '', abstract: text }).abstract
      return (
        Array.from(seen, (form) => (form < 0 ? '|' : words.spelling(form))).join(' ') + (forms.length === 0 ? '!' : '')
      )
    }
  }

  test('capitals of a title or of the first word of a sentence tell nothing, those of a name do', () => {
    const spell = spellings([
      'Deep Walks on Bayesian Graphs',
      'Graphs are walked. A Bayesian walk of graphs, or a Markov walk: walks that are Bayesian or Markov.',
    ])
    expect(spell('graphs bayesian markov')).toBe('graphs Bayesian Markov')
  })

  test('punctuation and words without a subject break a phrase', () => {
    const spell = spellings(['', ''])
    expect(spell('robots, planning robots of planning')).toBe('robots | planning robots | planning')
  })
})
