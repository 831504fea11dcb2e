/** How far a long embedding has come. */
export interface EmbedProgress {
  readonly done: number
  readonly total: number
  /** Texts a second over the last few seconds; 0 until it can be told. */
  readonly perSecond: number
  /** Seconds left at that rate; `Infinity` until it can be told. */
  readonly secondsLeft: number
}

/** A text that was longer than the model reads. */
export interface TruncatedText {
  /** Position of the text in the array handed to `embed`. */
  readonly index: number
  /** Word pieces of the whole text, special tokens included. */
  readonly tokens: number
  /** Word pieces that the model did not read: `tokens - maxTokens`. */
  readonly cut: number
}

export interface EmbedOptions {
  /** What the texts are, for models that treat the two differently. @default 'document' */
  readonly inputType?: 'document' | 'query'
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: EmbedProgress) => void
  /** Called once for each text that was cut. Embedders that cannot tell never call it. */
  readonly onTruncated?: (truncated: TruncatedText) => void
}

/** Anything that turns texts into vectors: the one narrow seam between a model and a library. */
export interface Embedder {
  /** Names the model; vectors of two different ids are never compared. */
  readonly modelId: string
  readonly dimensions: number
  /** The revision of the weights, where the embedder knows it. */
  readonly revision?: string
  /** The numeric type of the weights, where the embedder knows it. */
  readonly dtype?: string
  /** Returns one unit vector of `dimensions` Float32 values a text, in the order of `texts`. */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Float32Array[]>
  /** Gives back threads and memory; the embedder stays usable. */
  close?(): Promise<void>
}
