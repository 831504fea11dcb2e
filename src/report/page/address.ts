// What the reader looks at, as the part of the address behind #: it can be sent to somebody, kept, and gone back to.

/** All of it; what is empty stands in no address. Papers are ids. */
export interface Looked {
  readonly words: string
  /** Name of a choice of topics. */
  readonly topic: string
  readonly area: string
  readonly category: string
  /** Days. */
  readonly from: string
  readonly to: string
  /** Papers with which marks are listed. */
  readonly marked: '' | 'starred' | 'unread' | 'hidden'
  /** Papers whose likes are listed. */
  readonly like: readonly string[]
  readonly order: string
  /** The paper that is open. */
  readonly paper: string
  /** Two papers side by side. */
  readonly compare: readonly string[]
  /** Middle of the map and how many times as large as whole, where the reader moved it: `5000,5000,2.5`. */
  readonly at: string
}

export const nothingLooked: Looked = {
  words: '',
  topic: '',
  area: '',
  category: '',
  from: '',
  to: '',
  marked: '',
  like: [],
  order: '',
  paper: '',
  compare: [],
  at: '',
}

const shortNames: Readonly<Record<keyof Looked, string>> = {
  words: 'q',
  topic: 'topic',
  area: 'area',
  category: 'category',
  from: 'from',
  to: 'to',
  marked: 'marked',
  like: 'like',
  order: 'order',
  paper: 'paper',
  compare: 'compare',
  at: 'at',
}
const names = Object.keys(shortNames) as (keyof Looked)[]

/** `#topic=3&paper=2401.00001`; `#` alone for nothing. */
export function addressOf(looked: Looked): string {
  const parts = names.flatMap((name) =>
    [looked[name]]
      .flat()
      .flatMap((value) => (value === '' ? [] : [`${shortNames[name]}=${encodeURIComponent(value)}`])),
  )
  return `#${parts.join('&')}`
}

/** What an address says; what it does not know of is left out. */
export function lookedAt(hash: string): Looked {
  const parts = new URLSearchParams(hash.slice(1).replaceAll('+', '%2B'))
  const one = (name: keyof Looked) => parts.get(shortNames[name]) ?? ''
  const marked = one('marked')
  return {
    words: one('words'),
    topic: one('topic'),
    area: one('area'),
    category: one('category'),
    from: one('from'),
    to: one('to'),
    marked: marked === 'starred' || marked === 'unread' || marked === 'hidden' ? marked : '',
    like: parts.getAll(shortNames.like),
    order: one('order'),
    paper: one('paper'),
    compare: parts.getAll(shortNames.compare).slice(0, 2),
    at: /^-?[\d.]+,-?[\d.]+,[\d.]+$/u.test(one('at')) ? one('at') : '',
  }
}
