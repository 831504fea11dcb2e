import { Option } from 'commander'
import { fetchArxiv } from '../../sources/fetch-arxiv.ts'
import { defineCommand, hitsOption } from '../command.ts'
import { type FetchArguments, fetched, fetchOptions, politeness } from '../fetched.ts'

interface ArxivOptions extends FetchArguments {
  readonly from?: string
  readonly to?: string
  readonly k: number
}

export const fetchArxivCommand = defineCommand<ArxivOptions>({
  name: 'fetch arxiv',
  summary: 'fetch arXiv papers that match a query, newest first',
  description:
    'The query uses arXiv’s own syntax: cat:cs.CL, ti:"large language", abs:retrieval, au:moss, joined by AND, OR and ANDNOT. To resume an interrupted file, run the same command again.',
  arguments: [['<query...>', 'what to search for']],
  options: [
    new Option('--from <day>', 'first day of submission, such as 2025-03-12'),
    new Option('--to <day>', 'last day of submission, such as 2025-03-12'),
    hitsOption(100),
    ...fetchOptions(),
  ],
  formerly: { '--max <count>': 'k' },
  examples: [
    "paperkin fetch arxiv 'cat:cs.CL AND abs:retrieval' -k 5",
    'paperkin fetch arxiv cat:cs.CL --from 2025-03-01 -k 3 --out cl.jsonl',
    'paperkin fetch arxiv cat:cs.CL --from 2025-03-01 --to 2025-03-07 --library papers',
  ],
  run: (words, options, context) => {
    const { from, to, k } = options
    const query = words.join(' ')
    const days = `${from === undefined ? '' : ` from ${from}`}${to === undefined ? '' : ` to ${to}`}`
    return fetched(options, context, {
      of: `arXiv ${query}${days}, at most ${k}`,
      fetch: (start, events) =>
        fetchArxiv(query, {
          ...politeness(options, context),
          ...events,
          start,
          max: Math.max(1, k - start),
          ...(from !== undefined && { from }),
          ...(to !== undefined && { to }),
        }),
    })
  },
})
