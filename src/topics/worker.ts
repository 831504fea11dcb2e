// Entry point of the worker threads for topics.
import { serveJobs } from '../runtime/serve-jobs.ts'
import { jobs } from './jobs.ts'

serveJobs(jobs)
