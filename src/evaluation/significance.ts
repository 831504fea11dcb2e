// Significance of differences. Bootstrap: Efron and Tibshirani 1993, section 13.3 (percentiles). Paired test: Fisher's
// randomisation test, as recommended for retrieval by Smucker, Allan and Carterette 2007.
import { PaperkinError, requireInteger, requireList, requireOptions, show } from '../errors.ts'
import { seededRandom } from '../runtime/random.ts'

export interface ResamplingOptions {
  /** Number of resamples. @default 10_000 */
  readonly samples?: number | undefined
  /** Confidence level of the interval. @default 0.95 */
  readonly level?: number | undefined
  /** The same seed gives the same result. @default 1 */
  readonly seed?: number | undefined
}

/** A mean and its confidence interval. */
export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
}

/** Difference between two runs on the same queries. */
export interface Comparison {
  /** Mean of `a - b`, with its bootstrap interval. */
  readonly difference: Interval
  /** Two-sided: how often randomly exchanging the two runs gives a difference at least as large; above 0. */
  readonly pValue: number
}

/**
 * The mean of the values with its bootstrap interval. @throws PaperkinError `invalid-argument` for no values, NaN or
 * infinity
 */
export function bootstrapInterval(values: ArrayLike<number>, options: ResamplingOptions = {}): Interval {
  requireValues(values)
  const { samples, level, random } = resampling('bootstrapInterval', options)
  const n = values.length
  const means = new Float64Array(samples)
  for (let sample = 0; sample < samples; sample++) {
    let sum = 0
    for (let i = 0; i < n; i++) sum += values[Math.floor(random() * n)]!
    means[sample] = sum / n
  }
  means.sort()
  // Linear interpolation, as in numpy.percentile.
  const at = (share: number) => {
    const place = share * (samples - 1)
    const below = Math.floor(place)
    const above = Math.min(samples - 1, below + 1)
    return means[below]! + (place - below) * (means[above]! - means[below]!)
  }
  let sum = 0
  for (let i = 0; i < n; i++) sum += values[i]!
  return Object.freeze({ mean: sum / n, low: at((1 - level) / 2), high: at((1 + level) / 2) })
}

/**
 * Compares two runs query by query: `a[i]` and `b[i]` belong to the same query.
 * @throws PaperkinError `invalid-argument` for lists of different lengths, empty lists, NaN or infinity
 */
export function comparePaired(a: ArrayLike<number>, b: ArrayLike<number>, options: ResamplingOptions = {}): Comparison {
  requireList('a', a)
  requireList('b', b)
  if (a.length !== b.length)
    throw new PaperkinError(
      'invalid-argument',
      `Expected two values for each query, got ${a.length} of one run and ${b.length} of the other.`,
    )
  const differences = Float64Array.from(a, (value, i) => value - b[i]!)
  const difference = bootstrapInterval(differences, options)
  const { samples, random } = resampling('comparePaired', options)
  const nonzero = differences.filter((value) => value !== 0)
  const observed = Math.abs(nonzero.reduce((sum, value) => sum + value, 0))
  // Sums that differ only in the last bits count as equal.
  const reach = observed - 1e-12
  let asLarge = 0
  for (let sample = 0; sample < samples; sample++) {
    let sum = 0
    for (let i = 0; i < nonzero.length; i++) sum += random() < 0.5 ? nonzero[i]! : -nonzero[i]!
    if (Math.abs(sum) >= reach) asLarge++
  }
  return Object.freeze({ difference, pValue: (asLarge + 1) / (samples + 1) })
}

function requireValues(values: ArrayLike<number>): void {
  requireList('values', values)
  if (values.length === 0)
    throw new PaperkinError('invalid-argument', 'Expected the values of at least one query, got none.')
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]))
      throw new PaperkinError('invalid-argument', `Expected finite values, got ${show(values[i])} at ${i}.`)
}

function resampling(call: string, options: ResamplingOptions) {
  requireOptions(call, options, { samples: true, level: true, seed: true })
  const { samples = 10_000, level = 0.95, seed = 1 } = options
  requireInteger('seed', seed, Number.MIN_SAFE_INTEGER)
  requireInteger('samples', samples, 1, 10_000_000)
  if (!(typeof level === 'number' && level > 0 && level < 1))
    throw new PaperkinError('invalid-argument', `Expected \`level\` to lie between 0 and 1, got ${show(level)}.`)
  return { samples, level, random: seededRandom(seed) }
}
