// The data of the page: the core, columns that are needed at once; per block of papers their texts and their kin, unpacked
// on first use and apart, as the search index needs the texts alone; and vectors. Papers are identified by row, topics by
// position.

/** Papers per block: enough for deflate to work well, few enough to unpack in milliseconds. */
export const blockSize = 256

/** A step of the components of vectors, of which each is a byte. Rounding changes a cosine less than the missing directions do. */
export const vectorStep = 1 / 64

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
  /** Position of the enclosing one, which comes before it; -1 for a discipline. */
  readonly parent: number
}

/** An entry of the news: its name, a line of figures, and the rows of its papers. */
export interface PageNews {
  readonly name: string
  readonly figures: string
  readonly rows: readonly number[]
}

export interface PageCore {
  readonly title: string
  /** Components of a paper's vector. */
  readonly components: number
  readonly weights: readonly [semantic: number, lexical: number]
  readonly periods: readonly string[]
  readonly topics: readonly PageTopic[]
  readonly groups: readonly PageGroup[]
  readonly categories: readonly string[]
  /** Each before its children. */
  readonly areas: readonly PageArea[]
  /** News, and what they are compared with; null if the report has none. */
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
  /** The nearest topic of each outlier. */
  readonly nearest: Readonly<Record<number, number>>
  readonly categoriesOf: readonly (readonly number[])[]
  /** Position of the area of each paper, -1 for none. */
  readonly areaOf: readonly number[]
  readonly x: readonly number[]
  readonly y: readonly number[]
}

/**
 * The texts of a block are bytes: per paper the length of its abstract as a little-endian 32-bit number, the abstracts in
 * UTF-8, and a JSON list of these. So abstracts are indexed without becoming strings.
 */
export type PageSource = readonly [authors: readonly string[], link: string]

/** `semantic` and `lexical` are cosines in thousandths. */
export interface PageKin {
  readonly row: number
  readonly semantic: number
  readonly lexical: number
  readonly shared: readonly string[]
}

/** The kin of a block's papers, column by column, which deflates a tenth smaller: `counts` is per paper, the rest per kin. */
export type PageKinBlock = readonly [
  counts: readonly number[],
  rows: readonly number[],
  semantic: readonly number[],
  lexical: readonly number[],
  /** The words, one a line. */
  shared: readonly string[],
]
