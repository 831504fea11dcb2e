import { expect, test } from 'vitest'
import { WordIndex } from '../../src/report/page/word-index.ts'

const papers = [
  {
    title: 'Half-Depth Drafts for Faster Decoding',
    abstract: 'Drafting halves the depth; drafts of drafts, half-depth.',
  },
  { title: 'Naïve robots', abstract: 'A robot that naïvely drafts a plan, and 3D-printed half-shells.' },
  { title: '深度学习 drafts', abstract: '深度 and half of a draft-board' },
]

function indexOf(starts?: readonly string[]): WordIndex {
  const index = new WordIndex(starts)
  for (const { title } of papers) index.addTitle(title)
  for (const { abstract } of papers) index.addText(new TextEncoder().encode(abstract), ['Ada Núñez'])
  return index
}

/** How often each paper has a word, in the title and in the rest. */
function timesOf(index: WordIndex, word: string): number[] {
  const term = index.known(word)
  return [index.titles, index.texts].flatMap(({ start, entries }) =>
    papers.map((_, row) => {
      const own = [...entries.subarray(start[row], start[row + 1])].find((entry) => entry >>> 5 === term)
      return own === undefined ? 0 : own & 31
    }),
  )
}

test('counts stems, parts of hyphenated words, the whole of them, and words of other scripts', () => {
  const index = indexOf()
  expect(timesOf(index, 'draft')).toEqual([3, 0, 3, 3, 1, 1])
  expect(timesOf(index, 'halfdepth')).toEqual([3, 0, 0, 1, 0, 0])
  expect(timesOf(index, 'naive')).toEqual([0, 3, 0, 0, 1, 0])
  expect(timesOf(index, '深度')).toEqual([0, 0, 3, 0, 0, 1])
  expect(timesOf(index, 'nunez')).toEqual([0, 0, 0, 2, 2, 2])
})

test('an index of the words of one question counts them as the whole index does', () => {
  const whole = indexOf()
  for (const word of ['drafts', 'half', 'halfdepth', 'robot', 'naive', '3d', '深度', 'nunez']) {
    const index = indexOf([word])
    expect(timesOf(index, word)).toEqual(timesOf(whole, word))
    expect(index.texts.lengths).toEqual(whole.texts.lengths)
  }
  expect(indexOf(['draft']).known('robot')).toBeUndefined()
})
