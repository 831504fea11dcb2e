// Keeps worker threads between tests: the last library that closes ends them, and the next would load the model again
// (0.3 s for each thread).
import { createEmbedder } from '../src/embedding/create-embedder.ts'
import { useThreads } from '../src/runtime/worker-pool.ts'

await createEmbedder({ idleSeconds: 3600 })
useThreads()
