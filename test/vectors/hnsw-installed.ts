import { loadHnswlib } from '../../src/vectors/hnsw/hnswlib.ts'

/** Whether hnswlib-node is there and compiled: without it the tests of the HNSW index are skipped. */
export const isHnswInstalled = ((): boolean => {
  try {
    loadHnswlib()
    return true
  } catch {
    return false
  }
})()
