// The code of a thread that works on topics.
import { serveJobs } from '../runtime/serve-jobs.ts'
import { jobs } from './jobs.ts'

serveJobs(jobs)
