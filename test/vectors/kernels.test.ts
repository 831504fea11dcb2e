import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/runtime/random.ts'
import { Int8Scan } from '../../src/vectors/int8-scan.ts'
import {
  exactDot,
  type Kernels,
  loadOnnxKernels,
  productError,
  RowDots,
  typedArrayKernels,
} from '../../src/vectors/kernels.ts'
import { clusteredRows } from './clustered.ts'

const onnxKernels = await loadOnnxKernels()

describe.each([
  { name: 'typed arrays', kernels: typedArrayKernels },
  { name: 'onnxruntime', kernels: onnxKernels },
])('products on $name', ({ kernels }) => {
  it.skipIf(kernels === undefined).each([
    [1, 1, 1],
    [1, 5, 3],
    [2, 4, 4],
    [3, 9, 7],
    [37, 53, 384],
    [130, 2, 17],
  ])('%i × %i rows of %i values lie within the stated error of float64', async (m, n, dimensions) => {
    const left = clusteredRows(m, dimensions, { seed: 2 }).rows
    const right = clusteredRows(n, dimensions, { seed: 3 }).rows
    const products = await (kernels as Kernels).products(left, right, dimensions)
    expect(products).toHaveLength(m * n)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let naive = 0
        for (let d = 0; d < dimensions; d++) naive += left[i * dimensions + d]! * right[j * dimensions + d]!
        expect(Math.abs(products[i * n + j]! - naive)).toBeLessThan(productError(dimensions))
        expect(exactDot(left, i * dimensions, right, j * dimensions, dimensions)).toBeCloseTo(naive, 12)
      }
  })
})

describe('exactDot', () => {
  it('adds in one fixed order: four running sums, then in pairs', () => {
    // 2^53 + 1 rounds to 2^53 in float64, 2^53 + 2 is exact: the result shows the order of additions.
    const left = Float32Array.of(2 ** 26, 1, 1, 0, 1, 0, 0, 0, 1)
    const right = Float32Array.of(2 ** 27, 1, 1, 0, 1, 0, 0, 0, 1)
    const first = 2 ** 53 + 1 + 1
    expect(first).toBe(2 ** 53)
    expect(exactDot(left, 0, right, 0, 9)).toBe(first + 1 + (1 + 0))
    // In reverse the ones come first, and count.
    expect(exactDot(left.slice().reverse(), 0, right.slice().reverse(), 0, 9)).toBe(2 ** 53 + 2 + 2)
  })
})

describe('Int8Scan', () => {
  it.each([1, 3, 16, 100, 384, 1000])('bounds every product of rows of %i values', (dimensions) => {
    const random = seededRandom(dimensions)
    const n = 211
    const { rows } = clusteredRows(n, dimensions, { spread: 2 })
    // Rows of one large and many small values are the hard ones for one scale per row.
    for (let d = 0; d < dimensions; d++) rows[d] = d === 0 ? Math.sqrt(1 - (dimensions - 1) * 1e-8) : 1e-4
    const scan = Int8Scan.create(dimensions) as Int8Scan
    expect(scan.append(rows, 0, 100)).toBe(true)
    expect(scan.append(rows, 100, n - 100)).toBe(true)
    scan.truncate(150)
    expect(scan.append(rows, 150, n - 150)).toBe(true)
    expect(scan.rows).toBe(n)
    for (let trial = 0; trial < 20; trial++) {
      const from = Math.floor(random() * n) * dimensions
      const unit = rows.slice(from, from + dimensions)
      const query = scan.query(unit)
      const first = trial % 3
      const sums = scan.sums(query, first, n - first)
      for (let row = first; row < n; row++) {
        const estimate = sums[row - first]! * scan.scales[row]! * query.scale
        const reach = scan.errors[row]! * query.perError + query.constant
        const product = exactDot(unit, 0, rows, row * dimensions, dimensions)
        expect(Math.abs(product - estimate)).toBeLessThanOrEqual(reach)
        expect(reach).toBeLessThan(0.02)
      }
    }
  })

  it('adds without overflow if every value is as large as possible', () => {
    for (const dimensions of [384, 4096, 65_536]) {
      const rows = new Float32Array(dimensions).fill(1 / Math.sqrt(dimensions))
      const scan = Int8Scan.create(dimensions) as Int8Scan
      scan.append(rows, 0, 1)
      const query = scan.query(rows)
      const sum = scan.sums(query, 0, 1)[0]!
      expect(sum * scan.scales[0]! * query.scale).toBeCloseTo(1, 3)
    }
  })
})

describe('RowDots', () => {
  it.each([1, 2, 3, 4, 7, 64, 385])('gives the bits of exactDot for rows of %i values', (dimensions) => {
    const n = 1500
    const { rows: matrix } = clusteredRows(n, dimensions, { spread: 1.5 })
    const allocated = RowDots.allocate(matrix.length, dimensions)
    allocated.matrix.set(matrix)
    const random = seededRandom(6)
    for (const count of [0, 1, 5, 1024, 2500]) {
      const others = Int32Array.from({ length: count }, () => Math.floor(random() * n))
      const expected = Float64Array.from(others, (other) =>
        exactDot(matrix, 7 * dimensions, matrix, other * dimensions, dimensions),
      )
      for (const dots of [allocated, RowDots.over(matrix, dimensions)]) {
        const products = new Float64Array(count + 1).fill(9)
        dots.products(7, others, products)
        expect(products).toEqual(Float64Array.of(...expected, 9))
      }
    }
  })
})

describe('the shipped kernels', () => {
  it('are what the script builds, byte for byte', () => {
    const folder = mkdtempSync(join(tmpdir(), 'paperkin-kernels-'))
    try {
      const { status } = spawnSync(process.execPath, ['scripts/build-kernels/build-kernels.mjs', folder])
      expect(status).toBe(0)
      const built = readdirSync(folder).sort()
      expect(built).toEqual(readdirSync('models/kernels').sort())
      for (const name of built)
        expect(readFileSync(join(folder, name)).equals(readFileSync(join('models/kernels', name)))).toBe(true)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.skipIf(process.platform === 'darwin' && process.arch === 'x64')('run on ONNX Runtime here', () => {
    expect(onnxKernels?.backend).toBe('onnxruntime')
  })
})

describe('seededRandom', () => {
  it('gives the same numbers everywhere, in [0, 1), spread evenly', () => {
    const random = seededRandom(42)
    const numbers = Array.from({ length: 20_000 }, random)
    const again = seededRandom(42)
    expect(numbers.slice(0, 5)).toEqual(Array.from({ length: 5 }, again))
    expect(numbers.slice(0, 3)).toMatchInlineSnapshot(`
      [
        0.15377165265745885,
        0.018085883667157576,
        0.913322514664976,
      ]
    `)
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
    const tenths = new Array<number>(10).fill(0)
    for (const number of numbers) tenths[Math.floor(number * 10)]!++
    // Chi-square with 9 degrees of freedom exceeds 27.9 once in a thousand.
    const chiSquare = tenths.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)
    expect(chiSquare).toBeLessThan(27.9)
    let product = 0
    for (let i = 1; i < numbers.length; i++) product += (numbers[i]! - 0.5) * (numbers[i - 1]! - 0.5)
    expect(Math.abs(product / numbers.length)).toBeLessThan(0.002)
  })

  it('distinguishes seeds, including large and negative ones', () => {
    const seeds = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, -(2 ** 40)]
    expect(new Set(seeds.map((seed) => seededRandom(seed)())).size).toBe(seeds.length)
    expect(() => seededRandom(0.5)).toThrow(/`seed` to be a whole number, got `0.5`/u)
  })
})
