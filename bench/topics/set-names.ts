// Names and terms that a person would give to the labels of the sets, and names that none of the sets has.
import type { NamedTopic } from '../../src/topics/find-topics.ts'

/** By set and label. */
export const setNames: Readonly<
  Record<string, Readonly<Record<string, Required<Pick<NamedTopic, 'name' | 'terms'>>>>>
> = {
  'arxiv-fields': {
    Astrophysics: { name: 'Astrophysics', terms: ['galaxies', 'stars', 'cosmology'] },
    'Computer Science': { name: 'Computer science', terms: ['algorithms', 'neural networks', 'software'] },
    'Condensed Matter': { name: 'Condensed matter', terms: ['superconductivity', 'lattice', 'materials'] },
    'General Relativity and Quantum Cosmology': {
      name: 'General relativity and quantum cosmology',
      terms: ['black holes', 'gravity', 'spacetime'],
    },
    'High Energy Physics': { name: 'High energy physics', terms: ['quarks', 'string theory', 'Higgs boson'] },
    'Mathematical Physics': { name: 'Mathematical physics', terms: ['integrable systems', 'operators', 'Hamiltonian'] },
    Mathematics: { name: 'Mathematics', terms: ['algebra', 'topology', 'manifolds'] },
    'Nonlinear Sciences': { name: 'Nonlinear sciences', terms: ['chaos', 'solitons', 'synchronization'] },
    'Nuclear Physics': { name: 'Nuclear physics', terms: ['nuclei', 'heavy-ion collisions', 'nucleon'] },
    Physics: { name: 'Physics', terms: ['optics', 'plasma', 'fluid dynamics'] },
    'Quantitative Biology': { name: 'Quantitative biology', terms: ['neurons', 'evolution', 'proteins'] },
    'Quantitative Finance': { name: 'Quantitative finance', terms: ['option pricing', 'portfolio', 'markets'] },
    'Quantum Physics': { name: 'Quantum physics', terms: ['entanglement', 'qubits', 'quantum computing'] },
    Statistics: { name: 'Statistics', terms: ['Bayesian inference', 'regression', 'estimation'] },
  },
  'arxiv-cs': {
    'Artificial Intelligence': { name: 'Artificial intelligence', terms: ['planning', 'knowledge', 'reasoning'] },
    'Computation and Language': {
      name: 'Computation and language',
      terms: ['translation', 'parsing', 'language models'],
    },
    'Computational Complexity': { name: 'Computational complexity', terms: ['NP-hard', 'circuits', 'lower bounds'] },
    'Computational Geometry': { name: 'Computational geometry', terms: ['polygons', 'convex hull', 'point sets'] },
    'Computer Science and Game Theory': {
      name: 'Computer science and game theory',
      terms: ['equilibrium', 'auctions', 'mechanism design'],
    },
    'Computer Vision and Pattern Recognition': {
      name: 'Computer vision and pattern recognition',
      terms: ['images', 'segmentation', 'object detection'],
    },
    'Computers and Society': { name: 'Computers and society', terms: ['education', 'privacy', 'policy'] },
    'Cryptography and Security': { name: 'Cryptography and security', terms: ['encryption', 'attacks', 'malware'] },
    'Data Structures and Algorithms': {
      name: 'Data structures and algorithms',
      terms: ['approximation algorithm', 'graphs', 'running time'],
    },
    Databases: { name: 'Databases', terms: ['queries', 'SQL', 'transactions'] },
    'Digital Libraries': { name: 'Digital libraries', terms: ['citations', 'bibliometrics', 'journals'] },
    'Discrete Mathematics': {
      name: 'Discrete mathematics',
      terms: ['graph coloring', 'combinatorics', 'permutations'],
    },
    'Distributed, Parallel, and Cluster Computing': {
      name: 'Distributed, parallel and cluster computing',
      terms: ['scheduling', 'GPU', 'cloud'],
    },
    'Formal Languages and Automata Theory': {
      name: 'Formal languages and automata theory',
      terms: ['regular languages', 'finite automata', 'grammars'],
    },
    'Human-Computer Interaction': {
      name: 'Human-computer interaction',
      terms: ['users', 'interfaces', 'visualization'],
    },
    'Information Retrieval': { name: 'Information retrieval', terms: ['search', 'recommendation', 'ranking'] },
    'Information Theory': { name: 'Information theory', terms: ['channel capacity', 'coding', 'MIMO'] },
    Learning: { name: 'Machine learning', terms: ['classification', 'kernel', 'training'] },
    'Logic in Computer Science': { name: 'Logic in computer science', terms: ['proof', 'verification', 'modal logic'] },
    'Networking and Internet Architecture': {
      name: 'Networking and Internet architecture',
      terms: ['wireless networks', 'routing', 'TCP'],
    },
    'Neural and Evolutionary Computing': {
      name: 'Neural and evolutionary computing',
      terms: ['genetic algorithm', 'evolution strategies', 'neural networks'],
    },
    'Programming Languages': { name: 'Programming languages', terms: ['types', 'compilers', 'semantics'] },
    Robotics: { name: 'Robotics', terms: ['manipulation', 'motion planning', 'SLAM'] },
    'Software Engineering': { name: 'Software engineering', terms: ['testing', 'requirements', 'code'] },
    'Systems and Control': { name: 'Systems and control', terms: ['controller', 'stability', 'power grid'] },
  },
  'arxiv-2025': {
    'cs.CL': { name: 'Natural language processing', terms: ['language models', 'text', 'translation'] },
    'cs.CV': { name: 'Computer vision', terms: ['images', 'video', 'detection'] },
    'cs.GR': { name: 'Computer graphics', terms: ['rendering', 'meshes', 'animation'] },
    'cs.HC': { name: 'Human-computer interaction', terms: ['users', 'interfaces', 'study'] },
    'cs.LG': { name: 'Machine learning', terms: ['training', 'optimization', 'generalization'] },
    'cs.RO': { name: 'Robotics', terms: ['manipulation', 'navigation', 'robots'] },
    'eess.IV': { name: 'Image and video processing', terms: ['MRI', 'compression', 'denoising'] },
  },
  cora: {
    Case_Based: { name: 'Case-based reasoning', terms: ['cases', 'retrieval', 'adaptation'] },
    Genetic_Algorithms: { name: 'Genetic algorithms', terms: ['evolution', 'genetic programming', 'crossover'] },
    Neural_Networks: { name: 'Neural networks', terms: ['backpropagation', 'hidden units', 'learning'] },
    Probabilistic_Methods: {
      name: 'Probabilistic methods',
      terms: ['Bayesian networks', 'Markov chain Monte Carlo', 'inference'],
    },
    Reinforcement_Learning: { name: 'Reinforcement learning', terms: ['Q-learning', 'policy', 'reward'] },
    Rule_Learning: { name: 'Rule learning', terms: ['inductive logic programming', 'decision trees', 'rules'] },
    Theory: { name: 'Learning theory', terms: ['PAC learning', 'bounds', 'concept classes'] },
  },
  ijcai: {
    'AI Ethics, Trust, Fairness': { name: 'AI ethics, trust and fairness', terms: ['fairness', 'bias', 'explanation'] },
    'Agent-based and Multi-agent Systems': {
      name: 'Agent-based and multi-agent systems',
      terms: ['auctions', 'voting', 'agents'],
    },
    'Computer Vision': { name: 'Computer vision', terms: ['images', 'detection', 'segmentation'] },
    'Constraint Satisfaction and Optimization': {
      name: 'Constraint satisfaction and optimization',
      terms: ['SAT', 'constraint programming', 'solvers'],
    },
    'Data Mining': { name: 'Data mining', terms: ['graph', 'recommendation', 'time series'] },
    'Humans and AI': { name: 'Humans and AI', terms: ['human-AI collaboration', 'users', 'cognition'] },
    'Knowledge Representation and Reasoning': {
      name: 'Knowledge representation and reasoning',
      terms: ['description logic', 'ontologies', 'argumentation'],
    },
    'Machine Learning': { name: 'Machine learning', terms: ['learning', 'classification', 'kernels'] },
    'Natural Language Processing': { name: 'Natural language processing', terms: ['text', 'dialogue', 'translation'] },
    'Planning and Scheduling': { name: 'Planning and scheduling', terms: ['planning', 'heuristics', 'plans'] },
    Robotics: { name: 'Robotics', terms: ['robot', 'manipulation', 'navigation'] },
    Search: { name: 'Heuristic search', terms: ['A*', 'game playing', 'search algorithms'] },
    'Uncertainty in AI': { name: 'Uncertainty in AI', terms: ['Bayesian networks', 'graphical models', 'inference'] },
  },
}

export const absentNames: readonly string[] = [
  'Veterinary medicine',
  'Medieval history',
  'Criminology',
  'Dentistry',
  'Soil science',
  'Labour economics',
  'Ornithology',
  'Constitutional law',
  'Wine making',
  'Volcanology',
  'Nursing',
  'Music education',
  'Organic synthesis',
  'Sports coaching',
  'Islamic theology',
  'Marine fisheries',
  'Archaeology of Egypt',
  'Urban transport planning',
  'Child psychology',
  'Fashion design',
  'Cooking recipes',
  'Textile chemistry',
  'Poetry',
  'Orthopaedic surgery',
  'Mushrooms',
]
