import { Option } from 'commander'
import { fetchDaily } from '../../sources/fetch-daily.ts'
import { defineCommand } from '../command.ts'
import { type FetchArguments, fetched, fetchOptions, politeness } from '../fetched.ts'

export const fetchDailyCommand = defineCommand<FetchArguments & { readonly date?: string }>({
  name: 'fetch daily',
  summary: 'fetch the daily papers of a digest page from its public interface',
  options: [new Option('--date <day>', 'the day, such as 2025-03-12 (default: the latest)'), ...fetchOptions()],
  examples: [
    'paperkin fetch daily --date 2025-03-12',
    'paperkin fetch daily --date 2025-03-12 --out 2025-03-12.jsonl',
    'paperkin fetch daily --date 2025-03-12 --library papers',
  ],
  run: (_, options, context) =>
    fetched(options, context, {
      of: `daily papers${options.date === undefined ? '' : ` of ${options.date}`}`,
      fetch: (_, { onProblem }) =>
        fetchDaily({
          ...politeness(options, context),
          onProblem,
          ...(options.date !== undefined && { date: options.date }),
        }),
    }),
})
