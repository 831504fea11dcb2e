import type { Atlas } from '../atlas/atlas.ts'
import type { SparseRows } from '../lexical/sparse-rows.ts'
import type { Paper, PaperInput } from '../paper.ts'
import type { TopicMethod } from './methods.ts'

/** Papers and their vectors, as input of `findTopics`. */
export interface TopicInput {
  /** Ids must be unique. Row i of `vectors` and `lexical` belongs to `papers[i]`. */
  readonly papers: readonly Paper[]
  /** `papers.length × dimensions` unit rows, row-major. */
  readonly vectors: Float32Array
  readonly dimensions: number
  /** Unit TF-IDF rows, one per paper. */
  readonly lexical: SparseRows
  /** Number of papers of which these are a sample. @default they are all there are */
  readonly sampledFrom?: number | undefined
  /** A map of science in the space of the vectors, for sections and names. @default topics are named by their terms */
  readonly atlas?: Atlas | undefined
  /** Looks terms up; independent of the space of the vectors. @default `atlas` */
  readonly vocabulary?: Pick<Atlas, 'term'> | undefined
  /** Embeds short texts in the space of the vectors, for `named`. @default names find papers by their words */
  readonly embedNames?: ((texts: readonly string[]) => Promise<readonly Float32Array[]>) | undefined
  /** Compares other papers with these, one by one, for `assign`. @default papers cannot be assigned */
  readonly compare?:
    | ((papers: readonly PaperInput[], options: TopicCallOptions) => AsyncIterable<SimilarPaper>)
    | undefined
}

/** A paper and its similarity to the papers that have topics. */
export interface SimilarPaper {
  readonly id: string
  /** Mean of the semantic and the lexical cosine to each paper of the input, in input order. */
  readonly similarity: ArrayLike<number>
}

export interface TopicOptions {
  /** @default 'graph' */
  readonly method?: TopicMethod | undefined
  /**
   * Number of topics, from 1: exactly that many, or one per paper if there are fewer papers. `'auto'`: the number that
   * stands out as stable when papers are left out; for few papers, sections of the map of science. @default 'auto'
   */
  readonly count?: number | 'auto' | undefined
  /** The same papers, options and seed give the same topics; the order of the papers does not matter. @default 1 */
  readonly seed?: number | undefined
  /** Resolution to use instead of a count: above 1 more and smaller topics, below 1 fewer and larger ones. */
  readonly resolution?: number | undefined
  /** Minimum papers per topic; smaller groups join the nearest topic. Ignored with a `count`. @default 3 */
  readonly minTopicSize?: number | undefined
  /** Neighbours per paper in the graph. @default 0.7 times the root of the number of papers, within 3 … 25 */
  readonly neighbours?: number | undefined
  /**
   * The share of papers to set apart as outliers, 0 … 0.5: exactly this share, those least like their nearest kin.
   * `'auto'`: those that clearly have no kin here, at most one in twenty. @default 'auto'
   */
  readonly outlierShare?: number | 'auto' | undefined
  /** Maximum terms per label, 1 … 10. @default 3 */
  readonly termsPerLabel?: number | undefined
  /** Names a topic, with a language model for example, instead of using its terms; called for one topic at a time. */
  readonly label?: ((topic: UnnamedTopic) => string | Promise<string>) | undefined
  /**
   * Topics found earlier among some of the same papers, or their parsed JSON. Topics that persist keep their ids and
   * labels (a label is dropped once hardly any paper has one of its terms), `changes` says what became of each topic,
   * and without a `count` or `resolution` the resolution is kept too.
   */
  readonly previous?: TopicsData | undefined
  /**
   * Topics named by you. They take the papers that belong to them first; `count`, `resolution` and `outlierShare` apply
   * to the rest. Names without papers are listed in `unmatched`. @default none
   */
  readonly named?: readonly NamedTopic[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** A topic named by the caller. */
export interface NamedTopic {
  /** Its label, as given. Must be unique, ignoring case. */
  readonly name: string
  /** Ids of example papers; these always belong to it. @default none */
  readonly papers?: readonly string[] | undefined
  /** Words or phrases that describe it. @default none */
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
  /** In the papers' most common spelling. */
  readonly term: string
  /** 0 … 1: how well it sets the topic apart, relative to the topic's best term. */
  readonly weight: number
}

/** A topic to be named by `label`. */
export interface UnnamedTopic {
  readonly id: number
  /** The label it gets without a name. */
  readonly label: string
  readonly terms: readonly TopicTerm[]
  readonly size: number
  /** The most typical papers, at most 3. */
  readonly representatives: readonly Paper[]
}

/** How strongly a paper belongs to a topic. */
export interface TopicShare {
  /** Id of the topic. */
  readonly topic: number
  /** 0 … 1: the share of the paper's nearest neighbours, by weight, that are in that topic. */
  readonly strength: number
}

/** A paper's place in a topic. */
export interface TopicPaper {
  readonly id: string
  /** 0 … 1: the share of the paper's nearest neighbours, by weight, that are in the same topic. */
  readonly strength: number
  /** The other topic with most of its neighbours; absent if they are all in this one. */
  readonly second?: TopicShare
  /** Its area of science; absent if the map has none near, and for collections of more than 2,000 papers. */
  readonly area?: string
}

/** A group of papers on one subject. */
export interface Topic {
  /**
   * A number that stays with the topic: 0 for the largest topic, then by falling size. With `previous`, and after
   * `merge`, `split` or `reduce`, topics that persist keep their number; a new topic gets one never used before.
   */
  readonly id: number
  /**
   * Its given name; or the name of its section on the map of science, with distinguishing terms if topics share a
   * section; or, without a map, the first terms that occur in a title, joined by commas. Unique.
   */
  readonly label: string
  /** True if the label is a name from the option `named`; otherwise absent. */
  readonly isNamed?: true
  /**
   * At most 10 words and short phrases that set the topic apart, each in one form only: the best term first, then the
   * best that covers further papers.
   */
  readonly terms: readonly TopicTerm[]
  readonly size: number
  /** Strongest first, then most typical first. */
  readonly papers: readonly TopicPaper[]
  /** Ids of at most 3 papers most similar to all papers of the topic, the most typical first. */
  readonly representatives: readonly string[]
  /** The sentence of one of its abstracts that best covers its terms; absent if none has any. */
  readonly sentence?: string
}

/** A paper that fits no topic. */
export interface Outlier {
  readonly id: string
  /** Id of the topic with most of its neighbours. */
  readonly nearest: number
  /** 0 … 1: the share of its neighbours, by weight, that are in that topic. */
  readonly strength: number
  /** -1.5 … 0: mean similarity to its 5 nearest kin, minus the lowest such mean of any paper in a topic. */
  readonly margin: number
  /** As in {@link TopicPaper}. */
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

/** Options of `topics` that its JSON does not record, with the same defaults. */
export type RestoreOptions = Pick<TopicOptions, 'neighbours' | 'outlierShare' | 'termsPerLabel' | 'label' | 'signal'>

/** Evidence for a number of topics. */
export interface CountEvidence {
  /** Resolution of the neighbour graph's communities. */
  readonly resolution: number
  /** Number of topics at this resolution. */
  readonly count: number
  /** Mean ARI between the topics of all papers and those of samples of 80 %: 0 by chance, 1 for no change. */
  readonly stability: number
  /** Nats per paper to describe its neighbours given the topics: the fewer, the more informative the topics. */
  readonly description: number
  /** Whether this one was chosen. */
  readonly chosen: boolean
}

/** How well the topics hold together. */
export interface TopicQuality {
  /** -0.5 … 1: share of neighbour weight inside the topics minus the share expected by chance. */
  readonly modularity: number
  /** 0 … 1: mean strength of the papers in their topics. */
  readonly strength: number
}

/** The place of a paper that was added after the topics were found. */
export interface TopicPlace {
  readonly id: string
  /** Id of its topic; absent for an outlier. */
  readonly topic?: number
  /** Id of the topic with most of its nearest neighbours. */
  readonly nearest: number
  /** 0 … 1: the share of its neighbours, by similarity, that are in that topic. */
  readonly strength: number
  /** The other topic with most of its neighbours; absent if there is none. */
  readonly second?: TopicShare
  /** Mean similarity to its 5 nearest kin, minus the lowest such mean in any topic; below 0 for an outlier, else 0. */
  readonly margin: number
}

/** What became of a topic, or where it came from. */
export interface TopicChange {
  /**
   * The same topic as before: `kept`, or `grew` or `shrank` by more than a tenth. New: `born`; `split`, if most of its
   * papers were in one topic; `returned`, if it was gone and has its id and label again. Gone: `merged`, if most of its
   * papers are now in one topic; `faded` otherwise.
   */
  readonly change: 'kept' | 'grew' | 'shrank' | 'born' | 'split' | 'returned' | 'merged' | 'faded'
  /** Id of the topic; for a topic that is gone, its last id. */
  readonly topic: number
  readonly label: string
  /** Papers now; 0 if it is gone. */
  readonly size: number
  /** Papers before; 0 if it is new. */
  readonly before: number
  /** For `split` and `returned`, the topic that most of its papers were in; for `merged`, the one they are in now. */
  readonly other?: number
}

/** A topic that is gone, remembered so that it has its id and label again when it returns. */
export interface PastTopic {
  readonly id: number
  readonly label: string
  /** Ids of its last papers. */
  readonly papers: readonly string[]
  /** Number of times topics were found since without it; forgotten after 30. */
  readonly age: number
}

/** A topic, or a group of related topics. */
export interface TopicNode {
  /** Id of the topic; absent for a group. */
  readonly topic?: number
  /** Unique within a hierarchy. */
  readonly label: string
  readonly terms: readonly TopicTerm[]
  /** Number of papers. */
  readonly size: number
  /** Ids of the papers. */
  readonly papers: readonly string[]
  /** Largest first; empty for a topic. */
  readonly children: readonly TopicNode[]
}

export type TimeUnit = 'day' | 'week' | 'month' | 'year'

/** A day, week, month or year. */
export interface Period {
  /** `2025-03-07`, `2025-W10` (ISO 8601, weeks start on Monday), `2025-03` or `2025`. */
  readonly name: string
  /** Its first day, ISO 8601. */
  readonly start: string
  /** Papers in this period, outliers included. */
  readonly size: number
}

/** A term that has become more frequent in a topic's papers. */
export interface RisingTerm {
  readonly term: string
  /** Name of the first period after the rise. */
  readonly since: string
  /** 0 … 1: the share of the topic's earlier papers with the term. */
  readonly before: number
  /** 0 … 1: the share of its papers since then with the term. */
  readonly after: number
}

export interface TopicOverTime {
  /** Id of the topic. */
  readonly topic: number
  readonly label: string
  /** Papers per period. */
  readonly counts: readonly number[]
  /** 0 … 1: their share of all papers in the period; 0 for an empty period. */
  readonly shares: readonly number[]
  /** At most 5, the clearest rise first. */
  readonly rising: readonly RisingTerm[]
}

/** The number of papers on each topic over time. */
export interface TopicsOverTime {
  readonly unit: TimeUnit
  /** From the first to the last period with a paper, without gaps. */
  readonly periods: readonly Period[]
  /** In the order of the topics. */
  readonly topics: readonly TopicOverTime[]
  /** Number of papers whose `published` is missing or too coarse for the unit. */
  readonly undated: number
}

/** The topics of a collection as plain data. */
export interface TopicsData {
  readonly method: TopicMethod
  readonly seed: number
  /**
   * If the topics were found among a sample, the number of papers it was taken from: sizes and members are those of the
   * sample, and {@link PaperLibrary.assignAll} places the others. Otherwise absent.
   */
  readonly sampledFrom?: number
  /** Number of topics. */
  readonly count: number
  /** Largest first, ties by lowest paper id. */
  readonly topics: readonly Topic[]
  /** The topics by discipline, the largest first; empty without a map of science. */
  readonly groups: readonly TopicGroup[]
  /** True if the topics are sections of the map of science; otherwise absent. */
  readonly areSections?: true
  /**
   * Papers that fit nowhere, most distant first: at most one in twenty unless `outlierShare` is given, and none among
   * fewer than ten papers. With sections: the papers that fit no section, each with its area.
   */
  readonly outliers: readonly Outlier[]
  /** Names from `named` without papers, in their order. */
  readonly unmatched: readonly string[]
  readonly quality: TopicQuality
  /** With `count: 'auto'`, the counts tried, in ascending order; otherwise empty. */
  readonly evidence: readonly CountEvidence[]
  /** Resolution of the graph's communities, if that decided the number of topics. */
  readonly resolution?: number
  /** What became of the previous topics: current topics first, then those that are gone. Empty if there were none. */
  readonly changes: readonly TopicChange[]
  /** Previous topics that are gone, latest first; empty without previous topics. */
  readonly past: readonly PastTopic[]
  /** Id for the next new topic. */
  readonly nextId: number
}

export interface TopicCallOptions {
  readonly signal?: AbortSignal | undefined
}

/** The topics of a collection, frozen. `JSON.stringify` writes them as {@link TopicsData}. */
export interface Topics extends TopicsData {
  /** The topic of a paper; undefined for an outlier, a paper outside the sample, or an unknown id. */
  of(id: string): Topic | undefined
  /**
   * A tree whose leaves are the topics, grouped by how many neighbours their papers share. Each level has about a third
   * as many groups as the one below, as long as that is three or more.
   */
  hierarchy(options?: TopicCallOptions): Promise<TopicNode>
  /**
   * Counts the papers of each topic over time, and finds its rising terms.
   * @throws PaperkinError `invalid-argument` for an unknown unit, or one that gives more than 10,000 periods
   */
  overTime(unit: TimeUnit, options?: TopicCallOptions): Promise<TopicsOverTime>
  /**
   * Places papers among these topics by their neighbours, in the order given, without finding topics again. Papers
   * already among them are placed in the same way.
   * @throws PaperkinError `invalid-paper`, `embedding-failed`, or `invalid-argument` if there are no topics
   */
  assign(papers: readonly PaperInput[], options?: TopicCallOptions): Promise<TopicPlace[]>
  /** Merges related topics, the closest first, until there are `count`; the same topics if there are no more. */
  reduce(count: number, options?: TopicCallOptions): Promise<Topics>
  /**
   * Merges several topics into one.
   * @throws PaperkinError `invalid-argument` for fewer than two ids, or an id that no topic has
   */
  merge(ids: readonly number[], options?: TopicCallOptions): Promise<Topics>
  /**
   * Splits a topic into `count` communities (default 2), at most one per paper.
   * @throws PaperkinError `invalid-argument` for an id that no topic has, or a topic of one paper
   */
  split(id: number, options?: TopicCallOptions & { readonly count?: number | undefined }): Promise<Topics>
}
