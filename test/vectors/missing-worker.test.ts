import { expect, it, vi } from 'vitest'
import { HnswIndex } from '../../src/vectors/hnsw/hnsw-index.ts'
import { neighbourGraph } from '../../src/vectors/neighbour-graph.ts'
import { clusteredRows } from './clustered.ts'
import { isHnswInstalled } from './hnsw-installed.ts'
import { nearest } from './nearest.ts'

vi.mock('../../src/runtime/package-files.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/runtime/package-files.ts')>()
  const packageFile: typeof original.packageFile = (name) => {
    if (name === '#worker/vectors-worker') throw new Error(`${name} is not there; install the package again`)
    return original.packageFile(name)
  }
  return { ...original, packageFile }
})

const dimensions = 200
const { rows } = clusteredRows(2500, dimensions)
const missing = {
  code: 'index-unavailable',
  message: expect.stringMatching(/code of a thread is missing: .*vectors-worker.*install the package again\.$/u),
}

it('says what is missing if the code of its thread is', async () => {
  await expect(neighbourGraph(rows, { dimensions })).rejects.toMatchObject(missing)
  // Small work needs no thread.
  expect((await neighbourGraph(rows.subarray(0, 300 * dimensions), { dimensions, k: 3 })).k).toBe(3)
})

it.skipIf(!isHnswInstalled)('keeps an index exact if its graph cannot be built, and says why', async () => {
  const index = new HnswIndex(dimensions, { graphFrom: 100 })
  await index.add(
    Int32Array.from({ length: 2500 }, (_, row) => row),
    rows,
  )
  await expect.poll(() => index.failure).toMatchObject(missing)
  expect(index.kind).toBe('exact')
  expect(await nearest(index, rows.subarray(0, dimensions), { k: 1 })).toEqual([0])
  await expect(index.build()).rejects.toMatchObject(missing)
  await index.close()
})
