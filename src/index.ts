export type { PaperArea } from './atlas/atlas.ts'
export {
  type CreateEmbedderOptions,
  createEmbedder,
} from './embedding/create-embedder.ts'
export type { Embedder, EmbedOptions, EmbedProgress, TruncatedText } from './embedding/embedder.ts'
export {
  type EmbedderInput,
  type EmbedFunction,
  type FeatureExtractor,
  type PipelineOptions,
  pipelineEmbedder,
} from './embedding/resolve-embedder.ts'
export { type CachedVector, createVectorCache, type Truncation, type VectorCache } from './embedding/vector-cache.ts'
export { PaperkinError, type PaperkinErrorCode, type PaperkinIssue } from './errors.ts'
export { type CoherenceOptions, npmi, topicDiversity } from './evaluation/coherence.ts'
export {
  type EvaluateRunOptions,
  evaluateRun,
  type Judgements,
  type RankingMetric,
  type Run,
  type RunFigures,
} from './evaluation/evaluate-run.ts'
export {
  adjustedMutualInformation,
  adjustedRandIndex,
  type Grouping,
  normalizedMutualInformation,
  purity,
  vMeasure,
} from './evaluation/partitions.ts'
export { averagePrecision, ndcg, precision, recall, reciprocalRank } from './evaluation/ranking-metrics.ts'
export {
  bootstrapInterval,
  type Comparison,
  comparePaired,
  type Interval,
  type ResamplingOptions,
} from './evaluation/significance.ts'
export { type SilhouetteOptions, silhouette } from './evaluation/silhouette.ts'
export type { Spread } from './evaluation/topic-figures.ts'
export type { TopicAssignment } from './library/asking/assign-all.ts'
export type { DuplicateOptions, DuplicatePair, Duplicates } from './library/asking/near-duplicates.ts'
export type { NoveltyOptions } from './library/asking/novelty.ts'
export type { FilterFields, FilterRange, FilterValue, PaperFilter } from './library/asking/paper-filter.ts'
export type { Hit, HitList, HitOptions, RelatedOptions, SearchOptions, Weights } from './library/asking/ranking.ts'
export type {
  Recommendation,
  RecommendationReason,
  Recommendations,
  RecommendOptions,
} from './library/asking/recommend.ts'
export type { Seed, Seeds } from './library/asking/seeds.ts'
export type { SharedTerm, Why } from './library/asking/why.ts'
export type { AddOptions, AddResult, LostFields, TruncatedPaper } from './library/collection/add-papers.ts'
export type { Repair } from './library/collection/convert.ts'
export type { FoundPaper } from './library/collection/find-papers.ts'
export type { ExportOptions, ImportOptions } from './library/collection/transfer.ts'
export {
  type EvaluateRecommendOptions,
  evaluateRecommend,
  type RecommendEvaluation,
  type RecommendVariant,
} from './library/evaluate-recommend.ts'
export {
  type EvaluateRelatedOptions,
  evaluateRelated,
  type RelatedEvaluation,
  type RelatedVariant,
} from './library/evaluate-related.ts'
export {
  evaluateTopics,
  type TopicEvaluation,
  type TopicEvaluationOptions,
  type TopicMetric,
} from './library/evaluate-topics.ts'
export { type LibraryTopicOptions, type OpenOptions, PaperLibrary } from './library/paper-library.ts'
export type { Verification } from './library/storage/storage.ts'
export { type Json, type Paper, type PaperExtra, type PaperInput, paperName, paperText } from './paper.ts'
export type {
  ReportArea,
  ReportData,
  ReportFormat,
  ReportGroup,
  ReportKin,
  ReportOptions,
  ReportPaper,
  ReportProgress,
  ReportTopic,
} from './report/write-report.ts'
export type { Columns } from './sources/delimited.ts'
export { type FetchArxivOptions, fetchArxiv } from './sources/fetch-arxiv.ts'
export { type FetchDailyOptions, fetchDaily } from './sources/fetch-daily.ts'
export type { SourceFormat } from './sources/formats.ts'
export type { NamedSource, ReadProgress } from './sources/open-source.ts'
export type { FetchOptions } from './sources/polite-fetch.ts'
export { type JudgementTable, readJudgements, readRun } from './sources/read-judgements.ts'
export {
  type Digest,
  type PaperSource,
  parseDigest,
  type ReadOptions,
  readDigest,
  readPapers,
  streamPapers,
} from './sources/read-papers.ts'
export type { SourceProblem } from './sources/reading.ts'
export type {
  CountEvidence,
  NamedTopic,
  Outlier,
  PastTopic,
  Period,
  RestoreOptions,
  RisingTerm,
  TimeUnit,
  Topic,
  TopicCallOptions,
  TopicChange,
  TopicGroup,
  TopicMethod,
  TopicNode,
  TopicOptions,
  TopicOverTime,
  TopicPaper,
  TopicPlace,
  TopicQuality,
  TopicShare,
  Topics,
  TopicsData,
  TopicsOverTime,
  TopicTerm,
  UnnamedTopic,
} from './topics/find-topics.ts'
export type { NewArea, NewTerm, NewThings, Novelty, Rising, UnlikePaper } from './topics/novelty.ts'
export type { IndexKind } from './vectors/create-index.ts'
export type { VectorsInput } from './vectors/unit-rows.ts'
