// Colours of topics, twelve per theme. A random search maximised the smallest distance between two colours, for normal
// vision, protanopia, deuteranopia and tritanopia, at a contrast of at least 3 : 1 to the background;
// test/report/palette.test.ts checks both. With more topics than colours, topics far from each other on the map share one.
export const themes = {
  light: {
    background: '#fcfcfa',
    ink: '#1d2023',
    soft: '#575d63',
    faint: '#dcdbd6',
    /** Papers in no topic. */
    apart: '#777a7e',
    /** Rings around selected papers. */
    picked: '#0b6bcb',
    topics: [
      '#2963c5',
      '#de7202',
      '#015848',
      '#b770b7',
      '#981806',
      '#5890f7',
      '#a25c1b',
      '#5e2288',
      '#8a9776',
      '#29324c',
      '#775687',
      '#650303',
    ],
    regionAlpha: 0.09,
  },
  dark: {
    background: '#15171a',
    ink: '#e8e7e4',
    soft: '#a9aeb4',
    faint: '#34383e',
    apart: '#8d9095',
    picked: '#8fbcf0',
    topics: [
      '#69cdea',
      '#eece2f',
      '#ff9a95',
      '#949aff',
      '#c5faab',
      '#b97752',
      '#3088c0',
      '#b1ab00',
      '#af3976',
      '#38ffff',
      '#5358c1',
      '#7c6004',
    ],
    regionAlpha: 0.1,
  },
} as const

export type Theme = keyof typeof themes

export const colours = themes.light.topics.length
