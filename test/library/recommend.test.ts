import { describe, expect, it } from 'vitest'
import { calibration, trainLinear } from '../../src/library/asking/interest-model.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { recommendSuite } from './recommend-suite.ts'

recommendSuite(async (papers, embedder) => {
  const library = await PaperLibrary.open({ embedder })
  await library.add(papers)
  return library
})

describe('the linear model', () => {
  it('parts what can be parted, and gives heldOut less than it was trained to', () => {
    const dense = Float32Array.from([1, 0, 0.9, 0.1, 0.1, 0.9, 0, 1])
    const sparse = {
      rows: 4,
      columns: 0,
      start: new Int32Array(5),
      column: new Int32Array(0),
      value: new Float32Array(0),
    }
    const labels = Int8Array.from([1, 1, -1, -1])
    const { weights, heldOut } = trainLinear(
      { sparse, dense, dimensions: 2, denseWeight: 1 },
      labels,
      new Float64Array(4).fill(10),
    )
    expect(weights[0]).toBeGreaterThan(0.5)
    expect(weights[1]).toBeLessThan(-0.5)
    const first = (weights[0] as number) + (weights[2] as number)
    expect(heldOut(0)).toBeLessThanOrEqual(first)
  })

  it('makes probabilities that rise with the value', () => {
    const probability = calibration([2, 2.5, 3, 3.5], [-1, -0.5, 0, 0.5, 1], [1.5, 3])
    expect(probability(3)).toBeGreaterThan(0.7)
    expect(probability(0)).toBeLessThan(0.3)
    expect(probability(1.6)).toBeGreaterThan(probability(1.5))
  })
})
