import { describe, expect, it } from 'vitest'
import { countTerms } from '../../src/lexical/count-terms.ts'
import { stemSpeller } from '../../src/text/spelling.ts'
import { stem } from '../../src/text/tokens.ts'
import { Words } from '../../src/topics/words.ts'

const spelled = (term: string, abstract: string, title = '') => stemSpeller({ title, abstract })(term)

describe('stems are spelled as a document does', () => {
  it.each([
    ['a capital that only begins a sentence', 'robot', 'Robots grasp. Robots learn.', 'robots'],
    ['a capital behind a colon', 'robot', 'Two parts: Robots and tools.', 'robots'],
    ['a name inside of a sentence', 'kalman', 'Filters. Kalman ones track; the Kalman filter is fast.', 'Kalman'],
    ['a name behind a word of one letter', 'markov', 'A Markov chain.', 'Markov'],
    ['capitals side by side', 'neural', 'the Graph Neural Network of few layers', 'neural'],
    ['as many capitals as small letters', 'regress', 'the Regression or regression', 'regression'],
    ['an abbreviation', 'llm', 'LLMs plan.', 'LLMs'],
    ['a name of two parts', 'gpt4', 'We ask GPT-4 twice.', 'GPT-4'],
    ['a name with a blank', 'vitaminc', 'The role of vitamin C.', 'vitamin C'],
    ['a name at the start of a sentence', 'llama3', 'Llama 3 is small.', 'Llama 3'],
    ['an accent', 'poincar', 'the Poincaré disc', 'Poincaré'],
    ['a possessive', 'bell', 'It is Bell’s theorem.', 'Bell'],
    ['markup', 'h2o', 'Ice is H$_2$O.', 'H2O'],
    ['pairs of stems', 'robot grasp', 'Robots grasping glass.', 'robots grasping'],
    ['what is not there', 'galaxi', 'Robots.', 'galaxi'],
  ])('%s', (_, term, abstract, expected) => {
    expect(spelled(term, abstract)).toBe(expected)
  })

  it('a title that capitalises its words tells nothing of capitals, another one does', () => {
    expect(spelled('glass', '', 'Robots Grasping Clear Glass')).toBe('glass')
    expect(spelled('mar', '', 'Weather and dust storms on Mars')).toBe('Mars')
  })

  it('every term that is counted has a spelling', () => {
    const document = {
      title: 'Qwen2.5-VL reads TNF-α and IL-1β',
      abstract: 'State-of-the-art t-SNE of naïve k-means, see https://example.org. ½ of ﬁelds, Foo™.',
    }
    const spell = stemSpeller(document)
    countTerms(document, (first, second) => {
      const term = second === undefined ? first : `${first} ${second}`
      expect(spell(term)).not.toBe('')
      expect(spell(term).split(' ').length).toBeGreaterThanOrEqual(second === undefined ? 1 : 2)
    })
    expect(spell('qwen2.5vl')).toBe('Qwen2.5-VL')
    expect(spell('il1beta')).toBe('IL-1β')
  })

  it('labels spell words the same way', () => {
    const abstract = 'Robots learn. The Kalman filter, or a Lens. GPT helps; we use the Graph Transformer of Mars.'
    const words = new Words()
    const forms = words.read({ title: '', abstract }).abstract.filter((form) => form >= 0)
    const labels = forms.map((form) => words.spelling(form))
    expect(labels).toContain('Kalman')
    expect(labels.map((label) => spelled(stem(label.toLowerCase()), abstract))).toEqual(labels)
  })
})
