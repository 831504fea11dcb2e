// Colours of topics: eight a theme, found by a random search for the set whose two closest colours are farthest apart to
// the eyes of everybody, with protanopia, deuteranopia and tritanopia too, at a contrast of 3 : 1 or more to the
// background; test/report/palette.test.ts computes both. Where there are more topics than colours, topics that are far
// from each other on the map share one, and labels tell them apart.
export const themes = {
  light: {
    background: '#fcfcfa',
    ink: '#1d2023',
    soft: '#575d63',
    faint: '#dcdbd6',
    /** Papers in no topic. */
    apart: '#777a7e',
    topics: ['#213e75', '#db728a', '#858805', '#1e96ea', '#9e507b', '#605b18', '#4960c1', '#602931'],
    regionAlpha: 0.09,
  },
  dark: {
    background: '#15171a',
    ink: '#e8e7e4',
    soft: '#a9aeb4',
    faint: '#34383e',
    apart: '#8d9095',
    topics: ['#9881db', '#f9cc51', '#1cb99b', '#b8622c', '#b8b9f7', '#497f8b', '#ca9b32', '#71eeb8'],
    regionAlpha: 0.1,
  },
} as const

export type Theme = keyof typeof themes

export const colours = themes.light.topics.length
