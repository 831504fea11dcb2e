// What the page reads: columns that are needed at once (the core), and blocks of papers with all that is shown of one
// (abstract, authors, link, kin), unpacked when they are asked for. Papers are rows here, topics positions.

/** Papers of a block: enough for deflate to find what repeats, few enough to unpack in milliseconds. */
export const blockSize = 256

interface PageTopic {
  readonly id: number
  readonly label: string
  readonly terms: readonly string[]
  readonly size: number
  /** Rows. */
  readonly representatives: readonly number[]
  readonly counts: readonly number[]
  readonly outline: string
  readonly anchor: readonly [number, number]
  readonly colour: number
}

export interface PageGroup {
  /** Position of the topic; a group has none. */
  readonly topic?: number
  readonly label: string
  readonly size: number
  readonly children: readonly PageGroup[]
}

/** A place on the map of science. */
export interface PageArea {
  readonly name: string
  /** 0 for a discipline, 1 for a field, 2 for an area. */
  readonly depth: number
  /** Position of the one that it stands in, which is before it; -1 for a discipline. */
  readonly parent: number
}

/** Something that is new: a line of figures, and the rows of papers that have it. */
export interface PageNews {
  readonly name: string
  readonly figures: string
  readonly rows: readonly number[]
}

export interface PageCore {
  readonly title: string
  /** Of each paper's vector. */
  readonly components: number
  readonly weights: readonly [semantic: number, lexical: number]
  readonly periods: readonly string[]
  readonly topics: readonly PageTopic[]
  readonly groups: readonly PageGroup[]
  readonly categories: readonly string[]
  /** Each before those that stand in it. */
  readonly areas: readonly PageArea[]
  /** What is new against which papers; left out where nothing is said of it. */
  readonly news: {
    readonly compared: string
    readonly frequent: readonly PageNews[]
    readonly unlike: readonly PageNews[]
  } | null
  readonly ids: readonly string[]
  readonly titles: readonly string[]
  readonly dates: readonly string[]
  /** Position of the topic, -1 for an outlier. */
  readonly topicOf: readonly number[]
  /** Of each outlier the topic that is nearest. */
  readonly nearest: Readonly<Record<number, number>>
  readonly categoriesOf: readonly (readonly number[])[]
  /** Position of the area of each paper, -1 for none. */
  readonly areaOf: readonly number[]
  readonly x: readonly number[]
  readonly y: readonly number[]
}

/** Semantic and lexical part in thousandths. */
export type PageKin = readonly [row: number, semantic: number, lexical: number, ...shared: string[]]

export type PagePaper = readonly [abstract: string, authors: readonly string[], link: string, kin: readonly PageKin[]]
