#!/usr/bin/env node
import { runCommandLine } from './program.ts'
import { printableLine } from './terminal.ts'

/** Milliseconds between Ctrl-C and a forced exit. */
const gracePeriod = 800

const controller = new AbortController()
process.on('SIGINT', () => {
  // A second Ctrl-C exits at once.
  if (controller.signal.aborted) process.exit(130)
  controller.abort(new Error('interrupted'))
  setTimeout(() => process.exit(130), gracePeriod).unref()
})
// A reader that stops reading is not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE')
    process.stderr.write(`paperkin: Cannot write the output: ${printableLine(error.message)}\n`)
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})
const { stdin, stdout, stderr, env } = process
process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  signal: controller.signal,
})
