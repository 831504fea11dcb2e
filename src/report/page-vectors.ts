// Vectors small enough for a page: the papers' vectors in their leading directions, in steps of one size. The directions are
// those of a singular value decomposition, not centred so that dot products are preserved, by orthogonal iteration (Golub
// and Van Loan, section 8.2.4) on a sample. With one step for all, the later directions have few values; written direction
// by direction, each gets a code of its own when the bytes are deflated.
import { seededRandom } from '../runtime/random.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { vectorStep } from './page-data.ts'

/** Components at most; fewer papers have fewer. */
const mostComponents = 64
const sampled = 4096
const rounds = 24

export interface PageVectors {
  readonly components: number
  /** `components × rows` signed bytes, in steps of {@link vectorStep}. */
  readonly bytes: Uint8Array
}

/** @param vectors `rows × dimensions`, row-major unit rows */
export async function pageVectors(
  vectors: Float32Array,
  { dimensions, slice }: { readonly dimensions: number; readonly slice: TimeSlice },
): Promise<PageVectors> {
  const rows = dimensions === 0 ? 0 : vectors.length / dimensions
  const components = Math.min(mostComponents, dimensions, rows)
  const basis = await leadingDirections(vectors, { dimensions, components, slice })
  const projected = new Float32Array(rows * components)
  for (let row = 0; row < rows; row++) {
    for (let component = 0; component < components; component++) {
      let sum = 0
      for (let d = 0; d < dimensions; d++) sum += basis[component * dimensions + d]! * vectors[row * dimensions + d]!
      projected[row * components + component] = sum
    }
    if (row % 256 === 255 && slice.due()) await slice.rest()
  }
  const steps = new Int8Array(projected.length)
  for (let component = 0; component < components; component++)
    for (let row = 0; row < rows; row++)
      steps[component * rows + row] = Math.round(projected[row * components + component]! / vectorStep)
  return { components, bytes: new Uint8Array(steps.buffer) }
}

/** Orthonormal leading directions of a sample of the rows, `components × dimensions`. */
async function leadingDirections(
  vectors: Float32Array,
  {
    dimensions,
    components,
    slice,
  }: { readonly dimensions: number; readonly components: number; readonly slice: TimeSlice },
): Promise<Float64Array> {
  const rows = dimensions === 0 ? 0 : vectors.length / dimensions
  const products = new Float64Array(dimensions * dimensions)
  const step = Math.max(1, rows / sampled)
  for (let i = 0; i < Math.min(rows, sampled); i++) {
    const vector = vectors.subarray(Math.floor(i * step) * dimensions, (Math.floor(i * step) + 1) * dimensions)
    for (let d = 0; d < dimensions; d++)
      for (let e = 0, value = vector[d]!; e <= d; e++) products[d * dimensions + e]! += value * vector[e]!
    if (i % 64 === 63 && slice.due()) await slice.rest()
  }
  for (let d = 0; d < dimensions; d++)
    for (let e = 0; e < d; e++) products[e * dimensions + d] = products[d * dimensions + e]!
  const random = seededRandom(1)
  let basis = new Float64Array(components * dimensions).map(() => random() - 0.5)
  orthonormalise(basis, dimensions)
  for (let round = 0; round < rounds; round++) {
    const next = new Float64Array(components * dimensions)
    for (let component = 0; component < components; component++) {
      for (let d = 0; d < dimensions; d++) {
        let sum = 0
        for (let e = 0; e < dimensions; e++) sum += products[d * dimensions + e]! * basis[component * dimensions + e]!
        next[component * dimensions + d] = sum
      }
      if (slice.due()) await slice.rest()
    }
    orthonormalise(next, dimensions)
    basis = next
  }
  return basis
}

/** Gram–Schmidt, two passes per direction; a dependent direction becomes zero. */
function orthonormalise(basis: Float64Array, dimensions: number): void {
  for (let start = 0; start < basis.length; start += dimensions) {
    let before = 0
    for (let d = 0; d < dimensions; d++) before += basis[start + d]! ** 2
    for (let pass = 0; pass < 2; pass++)
      for (let other = 0; other < start; other += dimensions) {
        let product = 0
        for (let d = 0; d < dimensions; d++) product += basis[start + d]! * basis[other + d]!
        for (let d = 0; d < dimensions; d++) basis[start + d]! -= product * basis[other + d]!
      }
    let squared = 0
    for (let d = 0; d < dimensions; d++) squared += basis[start + d]! ** 2
    const scale = squared > 1e-18 * before && squared > 0 ? 1 / Math.sqrt(squared) : 0
    for (let d = 0; d < dimensions; d++) basis[start + d]! *= scale
  }
}
