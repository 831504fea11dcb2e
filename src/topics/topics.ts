import type { Atlas } from '../atlas/atlas.ts'
import type { SparseRows } from '../lexical/sparse-rows.ts'
import type { Paper, PaperInput } from '../paper.ts'
import type { TopicMethod } from './methods.ts'

/** Papers with what is known of them, ready for `findTopics`. */
export interface TopicInput {
  /** Ids must differ. Row i of the others belongs to `papers[i]`. */
  readonly papers: readonly Paper[]
  /** `papers.length × dimensions` unit rows, row-major. */
  readonly vectors: Float32Array
  readonly dimensions: number
  /** Unit TF-IDF rows, one a paper. */
  readonly lexical: SparseRows
  /** A map of science in the space of the vectors, for sections and names. @default topics are named by their terms */
  readonly atlas?: Atlas | undefined
  /** What is known of terms, in whatever space the vectors are. @default that of `atlas` */
  readonly vocabulary?: Pick<Atlas, 'term'> | undefined
  /** Embeds short texts in the space of the vectors, for `named`. @default names find papers by their words */
  readonly embedNames?: ((texts: readonly string[]) => Promise<readonly Float32Array[]>) | undefined
  /** Compares other papers with these, one after the other, for `assign`. @default papers cannot be assigned */
  readonly compare?:
    | ((papers: readonly PaperInput[], options: TopicCallOptions) => AsyncIterable<SimilarPaper>)
    | undefined
}

/** A paper as it is compared with the papers that have topics. */
export interface SimilarPaper {
  readonly id: string
  /** The mean of the two cosines to each paper of the input, in its order. */
  readonly similarity: ArrayLike<number>
}

export interface TopicOptions {
  /** @default 'graph' */
  readonly method?: TopicMethod | undefined
  /**
   * Number of topics, from 1: exactly that many, or one a paper where there are fewer papers. `'auto'`: the number that
   * stays the same when papers are taken away; of few papers sections of the map of science. @default 'auto'
   */
  readonly count?: number | 'auto' | undefined
  /** The same papers, options and seed give the same topics, in whatever order the papers come. @default 1 */
  readonly seed?: number | undefined
  /** In place of looking for a number: above 1 more and smaller topics, below 1 fewer and larger ones. */
  readonly resolution?: number | undefined
  /** Without a given `count`, smaller groups join the topic they are nearest to. @default 3 */
  readonly minTopicSize?: number | undefined
  /** Neighbours a paper has in the graph. @default 25, or 0.7 times the root of the number of papers where that is less */
  readonly neighbours?: number | undefined
  /**
   * The share of papers to set apart, 0 … 0.5: those with the least kin, exactly so many. `'auto'`: those that clearly
   * have no kin here, never more than one in twenty. @default 'auto'
   */
  readonly outlierShare?: number | 'auto' | undefined
  /** Most terms in a label. @default 3 */
  readonly termsPerLabel?: number | undefined
  /** Names a topic in place of its terms, for those who have a language model; called for one topic after the other. */
  readonly label?: ((topic: UnnamedTopic) => string | Promise<string>) | undefined
  /**
   * Topics found before, or their JSON, among some of the same papers: topics that are the same keep their ids and
   * labels (a label goes when hardly any paper has one of its terms any more), `changes` tells what became of all of
   * them, and without a `count` or `resolution` the resolution stays too.
   */
  readonly previous?: TopicsData | undefined
  /**
   * Topics of one's own: papers that belong to one stand in it, whatever else is asked for, and `count`, `resolution` and
   * `outlierShare` are about the rest. `unmatched` has the names that no paper belongs to. @default none
   */
  readonly named?: readonly NamedTopic[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** A topic that is named beforehand. */
export interface NamedTopic {
  /** Its label, as given. No two have the same, in whatever case. */
  readonly name: string
  /** Ids of papers that are examples of it; they belong to it in any case. @default none */
  readonly papers?: readonly string[] | undefined
  /** Words or phrases that tell what is meant. @default none */
  readonly terms?: readonly string[] | undefined
}

export const topicOptionNames: Readonly<Record<keyof TopicOptions, true>> = {
  method: true,
  count: true,
  seed: true,
  resolution: true,
  minTopicSize: true,
  neighbours: true,
  outlierShare: true,
  termsPerLabel: true,
  label: true,
  previous: true,
  named: true,
  signal: true,
}

/** A word or a short phrase of a topic. */
export interface TopicTerm {
  /** As the papers spell it most often. */
  readonly term: string
  /** 0 … 1: how much it sets the topic apart, in parts of the topic's best term. */
  readonly weight: number
}

/** What a name can be made from. */
export interface UnnamedTopic {
  readonly id: number
  /** The label that it has without a name. */
  readonly label: string
  readonly terms: readonly TopicTerm[]
  readonly size: number
  /** The most typical papers, at most 3. */
  readonly representatives: readonly Paper[]
}

/** How much a paper is in a topic. */
export interface TopicShare {
  /** Id of the topic. */
  readonly topic: number
  /** 0 … 1: the share of the paper's nearest neighbours, by weight, that are in that topic. */
  readonly strength: number
}

/** A paper's place in a topic. */
export interface TopicPaper {
  readonly id: string
  /** 0 … 1: the share of the paper's nearest neighbours, by weight, that are in the topic too. */
  readonly strength: number
  /** The other topic that most of its neighbours are in; left out where they are all in this one. */
  readonly second?: TopicShare
  /** The area of science that it lies in; left out where the map has none near, and among more than 2,000 papers. */
  readonly area?: string
}

/** A group of papers about one thing. */
export interface Topic {
  /**
   * A number that stays with the topic: 0 for the largest topic, then by falling size; of topics that go on from others
   * (`previous`, `merge`, `split`, `reduce`) the number that it had, and for a new one a number that none had before.
   */
  readonly id: number
  /**
   * The name of its section on the map of science, with what sets it apart where two topics are of one section; without
   * a map the first terms that a title has, joined by commas; or its given name. No two topics have the same.
   */
  readonly label: string
  /** Whether the label is a name that was given beforehand (`named`); left out where it is not. */
  readonly isNamed?: true
  /**
   * Words and short phrases that set the topic apart, at most 10, none in two forms: each the best that also names
   * other papers than those before it.
   */
  readonly terms: readonly TopicTerm[]
  readonly size: number
  /** By falling strength, then the more typical first. */
  readonly papers: readonly TopicPaper[]
  /** Ids of the papers that are nearest to all papers of the topic, the most typical first; at most 3. */
  readonly representatives: readonly string[]
  /** A sentence of one of its abstracts that holds the most of its terms; left out where none holds any. */
  readonly sentence?: string
}

/** A paper that fits no topic. */
export interface Outlier {
  readonly id: string
  /** Id of the topic that most of its neighbours are in. */
  readonly nearest: number
  /** 0 … 1: the share of its neighbours, by weight, that are in that topic. */
  readonly strength: number
  /** -1.5 … 0: how much less similar its 5 nearest kin are, on average, than those of the most lonely paper in a topic. */
  readonly margin: number
  /** As of {@link TopicPaper}. */
  readonly area?: string
}

/** Topics of one discipline. */
export interface TopicGroup {
  readonly label: string
  /** Ids of its topics, by falling size. */
  readonly topics: readonly number[]
  /** Number of papers. */
  readonly size: number
}

/** How topics that come back from JSON were found, as far as they do not tell: as given to `topics`, with its defaults. */
export type RestoreOptions = Pick<TopicOptions, 'neighbours' | 'outlierShare' | 'termsPerLabel' | 'label' | 'signal'>

/** What speaks for a number of topics. */
export interface CountEvidence {
  /** Resolution of the neighbour graph's communities. */
  readonly resolution: number
  /** Topics that there are at this resolution. */
  readonly count: number
  /** Mean ARI of the topics of all papers and of samples of four in five papers: 0 by chance, 1 for no change. */
  readonly stability: number
  /** Nats a paper that it takes to tell its neighbours by way of the topics: the fewer, the more the topics tell. */
  readonly description: number
  /** Whether this one was taken. */
  readonly chosen: boolean
}

/** How well the topics hold together. */
export interface TopicQuality {
  /** -0.5 … 1: share of neighbour weight inside the topics less the share expected by chance. */
  readonly modularity: number
  /** 0 … 1: mean strength of the papers in their topics. */
  readonly strength: number
}

/** Where a paper belongs that was not there when the topics were found. */
export interface TopicPlace {
  readonly id: string
  /** Id of its topic; left out where it fits none, as an outlier. */
  readonly topic?: number
  /** Id of the topic that most of its nearest neighbours are in. */
  readonly nearest: number
  /** 0 … 1: the share of its neighbours, by similarity, that are in that topic. */
  readonly strength: number
  /** The other topic that most of its neighbours are in; left out where there is none. */
  readonly second?: TopicShare
  /** Below 0 for an outlier: how much less similar its 5 nearest kin are than those of the most lonely paper in a topic. */
  readonly margin: number
}

/** What became of a topic, or where it came from. */
export interface TopicChange {
  /**
   * `kept`, `grew` or `shrank` by more than a tenth: the same topic as before. `born`: a new one. `split`: a new one, most
   * of whose papers were in one topic. `returned`: one that was gone and has its id and label again. `merged`: it is gone, and most of its papers are in one topic now. `faded`: it is
   * gone, and its papers are in no one topic or no longer there.
   */
  readonly change: 'kept' | 'grew' | 'shrank' | 'born' | 'split' | 'returned' | 'merged' | 'faded'
  /** Id of the topic, of the previous one where it is gone. */
  readonly topic: number
  readonly label: string
  /** Papers now; 0 where it is gone. */
  readonly size: number
  /** Papers before; 0 for one that was not there. */
  readonly before: number
  /** Of a split or returned topic the one that most of its papers were in, of a merged one that which they are in now. */
  readonly other?: number
}

/** A topic that is gone, remembered so that it has its id and label again when it returns. */
export interface PastTopic {
  readonly id: number
  readonly label: string
  /** Ids of the papers that it had last. */
  readonly papers: readonly string[]
  /** How many times topics were found without it; it is forgotten after 30. */
  readonly age: number
}

/** A topic, or a group of topics that are kin. */
export interface TopicNode {
  /** Id of the topic; a group has none. */
  readonly topic?: number
  /** No two nodes of a hierarchy have the same. */
  readonly label: string
  readonly terms: readonly TopicTerm[]
  /** Number of papers. */
  readonly size: number
  /** Ids of the papers. */
  readonly papers: readonly string[]
  /** By falling size; none below a topic. */
  readonly children: readonly TopicNode[]
}

export type TimeUnit = 'day' | 'week' | 'month' | 'year'

/** A stretch of time. */
export interface Period {
  /** `2025-03-07`, `2025-W10` (ISO 8601, weeks begin on Monday), `2025-03` or `2025`. */
  readonly name: string
  /** Its first day, ISO 8601. */
  readonly start: string
  /** Papers of this time, outliers included. */
  readonly size: number
}

/** A term that a topic's papers have more often since some time. */
export interface RisingTerm {
  readonly term: string
  /** Name of the first period after the rise. */
  readonly since: string
  /** 0 … 1: the share of the topic's papers before that have the term. */
  readonly before: number
  /** 0 … 1: the share of those since then. */
  readonly after: number
}

export interface TopicOverTime {
  /** Id of the topic. */
  readonly topic: number
  readonly label: string
  /** Papers of each period. */
  readonly counts: readonly number[]
  /** 0 … 1: their share of all papers of the period; 0 where there are none. */
  readonly shares: readonly number[]
  /** At most 5, the clearest rise first. */
  readonly rising: readonly RisingTerm[]
}

/** How much was written on each topic, and when. */
export interface TopicsOverTime {
  readonly unit: TimeUnit
  /** From the first to the last that has a paper, without gaps. */
  readonly periods: readonly Period[]
  /** In the order of the topics. */
  readonly topics: readonly TopicOverTime[]
  /** Papers whose `published` is missing, or not exact enough for the unit. */
  readonly undated: number
}

/** The topics of a collection as plain data. */
export interface TopicsData {
  readonly method: TopicMethod
  readonly seed: number
  /** Number of topics. */
  readonly count: number
  /** By falling size, then the one with the lower paper id first. */
  readonly topics: readonly Topic[]
  /** The topics by discipline, the largest first; empty without a map of science. */
  readonly groups: readonly TopicGroup[]
  /** Whether the topics are sections of the map of science; left out where they are not. */
  readonly areSections?: true
  /**
   * Papers that fit nowhere, the strangest first: at most one in twenty unless a share was asked for, and none among
   * fewer than ten. Of sections those that fit none, each with its area.
   */
  readonly outliers: readonly Outlier[]
  /** Names of `named` that no paper belongs to, in their order. */
  readonly unmatched: readonly string[]
  readonly quality: TopicQuality
  /** With `count: 'auto'`, what was tried, by rising count; otherwise empty. */
  readonly evidence: readonly CountEvidence[]
  /** Resolution of the graph's communities, where that decided how many topics there are. */
  readonly resolution?: number
  /** What became of the topics that these go on from: first those that are there, then those that are gone; else empty. */
  readonly changes: readonly TopicChange[]
  /** Topics of before that are gone, the latest first; empty where these go on from none. */
  readonly past: readonly PastTopic[]
  /** The id that the next new topic gets. */
  readonly nextId: number
}

export interface TopicCallOptions {
  readonly signal?: AbortSignal | undefined
}

/** The topics of a collection, frozen. `JSON.stringify` gives all of it as {@link TopicsData}. */
export interface Topics extends TopicsData {
  /** The topic of a paper; undefined for an outlier and for an id that was not among the papers. */
  of(id: string): Topic | undefined
  /**
   * The topics in groups of groups, by how much of their papers' neighbours they share: a tree whose leaves are the
   * topics. Each level has about a third of the groups of the one below it, as long as that is three or more.
   */
  hierarchy(options?: TopicCallOptions): Promise<TopicNode>
  /**
   * Papers of each topic over time, and the terms that rise in it.
   * @throws PaperkinError `invalid-argument` for another unit, or one so short that there are more than 10,000 periods
   */
  overTime(unit: TimeUnit, options?: TopicCallOptions): Promise<TopicsOverTime>
  /**
   * Places for other papers among these topics, in the order given, without finding topics anew; of papers that are
   * already there too, by their neighbours.
   * @throws PaperkinError `invalid-paper`, `embedding-failed`, and `invalid-argument` where there are no topics
   */
  assign(papers: readonly PaperInput[], options?: TopicCallOptions): Promise<TopicPlace[]>
  /** `count` topics: those that are kin are merged, the closest first. The same topics where there are no more. */
  reduce(count: number, options?: TopicCallOptions): Promise<Topics>
  /**
   * Makes one topic of several.
   * @throws PaperkinError `invalid-argument` for fewer than two ids, or an id that no topic has
   */
  merge(ids: readonly number[], options?: TopicCallOptions): Promise<Topics>
  /**
   * Splits a topic into its communities, two unless a `count` is given; into single papers at most.
   * @throws PaperkinError `invalid-argument` for an id that no topic has, and for a topic of one paper
   */
  split(id: number, options?: TopicCallOptions & { readonly count?: number | undefined }): Promise<Topics>
}
