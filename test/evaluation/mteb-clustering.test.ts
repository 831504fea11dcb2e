import { describe, expect, it } from 'vitest'
import { miniBatchKmeans, mtebClustering } from '../../src/evaluation/mteb-clustering.ts'

/** Rows that any language can reproduce: a congruential generator, pulled towards one axis per label. */
function planted(count: number, dimensions: number, kinds: number) {
  const vectors = new Float32Array(count * dimensions)
  const labels: string[] = []
  let x = 1n
  for (let i = 0; i < count; i++) {
    const label = i % 7 === 0 ? i % kinds : (i * i) % kinds
    labels.push(`l${label}`)
    for (let d = 0; d < dimensions; d++) {
      x = (1103515245n * x + 12345n) % 2n ** 31n
      vectors[i * dimensions + d] = Number(x) / 2 ** 31 - 0.5 + (d === label ? 0.5 : 0)
    }
  }
  return { vectors, labels }
}

describe('clustering by MTEB’s protocol', () => {
  const { vectors, labels } = planted(600, 8, 6)

  // Values of mteb 2.26.24 (`_evaluate_clustering_bootstrapped`, seed 42) with scikit-learn 1.9.1 and NumPy 2.4.6.
  it.each([
    [1, 600, 0.23799739099333556, [0.24241178930916685, 0.2104840409870656, 0.2393263548091341]],
    [0.3, 180, 0.2669573248835383, [0.2912775783489265, 0.2550684073769438, 0.27911193958273167]],
  ])('of the share %d gives the figures of the package itself', async (fraction, documents, mean, first) => {
    const result = await mtebClustering(vectors, labels, { dimensions: 8, fraction })
    expect(result).toMatchObject({ documents, labels: 6 })
    expect(result.vMeasure).toBeCloseTo(mean, 6)
    expect(result.vMeasures).toHaveLength(10)
    for (const [i, value] of first.entries()) expect(result.vMeasures[i]).toBeCloseTo(value, 6)
  })

  it('finds clusters that are far apart, even with hardly more rows than clusters', () => {
    const rows = new Float32Array(40).map((_, i) => Math.floor(i / 2 / 5) * 100 + (i % 2))
    const clusters = miniBatchKmeans(rows, { dimensions: 2, count: 4, batch: 512, seed: 1 })
    expect(new Set(clusters).size).toBe(4)
    for (let i = 0; i < 20; i++) expect(clusters[i]).toBe(clusters[Math.floor(i / 5) * 5])
    expect(
      new Set(miniBatchKmeans(rows.subarray(0, 6), { dimensions: 2, count: 3, batch: 2, seed: 1 })).size,
    ).toBeLessThan(4)
  })
})
