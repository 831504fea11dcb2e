// Words without a subject of their own: rhetoric, generic nouns, modifiers. All lower case, singular.

const list = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/u))

/** Words of reporting, judging and comparing: never in a term, and phrases do not cross them. */
export const rhetoric = list(`
  one two three four five six seven eight nine ten eleven twelve dozen dozens hundred hundreds thousand thousands million
  millions billion once twice first second third fourth fifth half quarter ahead today tomorrow yesterday year day
  train trained ask asked come came put set get got goes went gone done kept left let lets seen said told taken took
  gave given made makes keeps needs says turns shows finds stay stays fewer many much little lot less least whose else
  cheap cheaper dominant ordinary useful missing raw direct compatible situated predefined reminiscent spanning span spans
  routinely poor poorly posing arbitrary answered checked disappear disappears scenarios
  ability able absence abstract academic accept accepted accompany accomplish accordance according accordingly
  account achievable achieve achieved achievement achieving acquire actual actually ad-hoc adapt add added addition
  additional additionally address addressed addressing adequate adopt adopted adopting advance advanced advancement
  advantage advantageous affect aforementioned aid aim aimed aiming akin allow allowed allowing alternative
  alternatively amount ample analyse analysed analysing analyze analyzed analyzing appear appeared appearing
  applicability applicable application-specific applied apply applying appropriate approximately apt argue argued
  arise arising art article aspect assess assessed assessing assume assumed assuming attain attempt attempted
  attempting attract attracted author available average aware baseline basic basically basis bear begin beginning
  believe belong beneficial benefit best best-performing better beyond big bit both break bridge brief briefly bring
  broad broader broadly build built call called capability capable capture captured capturing careful carefully
  carried carry case cause caused certain challenging change choice choose choosing chosen cite claim clarify clear
  clearer clearly close closely codebase collect collected collecting combine combined combining come coming common
  commonly community companion comparable compare compared comparing comparison compelling competitive complement
  complementary complete completely complicated comprehensive comprise comprising computationally conceptual concern
  concerning conclude conclusion conclusively concrete conduct conducted confirm confirmed confirming consequence
  consequently consider considerable considerably consideration considered considering consist consistent
  consistently consisting constitute construct constructed constructing contain contained containing contemporary
  contrary contrast contribute contributing contribution conventional conventionally correspond corresponding
  correspondingly cost-effective counterpart couple course covering create created creating critical critically
  crucial current currently cutting-edge date deal dealing decade decrease decreasing deem define defined defining
  degrade degree deliver demand demonstrate demonstrated demonstrating demonstration denote depend dependent
  depending depict deploy derive derived deriving describe described describing description deserve design designed
  designing desirable desire desired despite detail detailed detailing determine determined determining develop
  developed developing development devise devised differ difference different differently difficult difficulty
  directly discover discovered discovering discuss discussed discussing discussion disparate distinct distinctive
  distinguish diverse domain-specific dramatic dramatically draw drawback drawn drive driven due earlier early ease
  easier easily easy effective effectively effectiveness efficacy efficiency efficient efficiently effort elaborate
  elicit elucidate embrace emerge emerged emergence emerging emphasis emphasise emphasize empirical empirically
  employ employed employing empower enable enabled enabling encompass encounter encourage encouraging end end-to-end
  endeavor endow enhance enhanced enhancement enhancing enjoy enormous ensure ensured ensuring entail entire
  entirely equally equip equipped era especially essential essentially establish established establishing estimate
  estimated evaluate evaluated evaluating ever-increasing evidence evident evidently evolve evolving exact exactly
  examine examined examining exceed exceeding excellent exceptional exclusively exhibit exhibited exhibiting exist
  existed existence existing expand expanding expect expected expensive experiment experimental experimentally
  experimentation explain explained explicitly exploit exploited exploiting explore explored exploring expose
  express extend extended extending extensible extension extensive extensively extent extra extract extracted
  extracting extreme extremely face facet facilitate facilitated facilitating fact factor fail failing failure
  fairly fall familiar far fashion fast faster favorable favorably favourable feasibility feasible featuring figure
  fill final finally find finding finer first-ever firstly fit five flexibility flexible focus focused focuses
  focusing follow followed following form formal formally former formulate formulated formulating formulation forth
  forward foster found four free freely frequent frequently fruitful fulfil fulfill full fully functionality
  fundamental fundamentally furthermore future gain gained gather generally github give given giving go goal good
  grant great greater greatly ground ground-breaking groundbreaking grow growing guarantee guaranteed guide guided
  guiding half hand handle handled handling happen hard hardly harness heavily heavy help helped helpful helping
  hence high-level high-performance high-quality higher highlight highlighted highlighting highly hinder hold
  holding holistic hope hopefully hundred hypothesis hypothesise hypothesize idea ideal ideally identified identify
  identifying illustrate illustrated illustrating imagine immediate immediately immense impact impede impediment
  implement implementation implemented implementing implication implicitly imply importance important importantly
  impose impossible impractical impressive improve improved improvement improving in-depth inadequate include
  included including incorporate incorporated incorporating increase increased increasing increasingly indeed
  independent independently indicate indicated indicating individually induce induced infeasible inferior influence
  influential inform informative inherent inherently initial initially initiate innovation innovative insight
  insightful inspire inspired inspiring instantiate instead insufficient integral integrate integrated integrating
  intend intended intensive intention interest interested interesting interestingly intricate intrinsic introduce
  introduced introducing introduction intuition intuitive intuitively invaluable investigate investigated
  investigating investigation involve involved involving issue item job join jointly justify keep key kind know
  knowing known lack lacking large-scale largely larger largest last lastly late later latest lay lead leading
  learnable learned leave lend length less lesson let leverage leveraged leveraging lie light likewise limit
  limitation limited limiting line list literature little live long-standing longer look lot low-level lower
  magnitude main mainly maintain maintained maintaining major majority making manage manner marginal marginally
  massive matched mature maximal mean meaning meaningful means meant measured measuring meet mention mentioned mere
  merely merit methodological methodology million mimic minimal minimise minimize minor mitigate mitigated
  mitigating modern modest modified modify motivate motivated motivating motivation mount move multi-stage multitude
  myriad naive name namely naturally nature near nearly necessarily necessary necessitate necessity need needed
  needing new newly non-trivial nontrivial notable notably note noted noteworthy noticeable notion novel novelty
  numerous objective observe observed observing obstacle obtain obtained obtaining obvious occur occurring
  off-the-shelf offer offered offering old one one-step ones open-ended ongoing open-source open-sourced operate opportunity
  oppose option organise organize orient oriented original originally outcome outline outperform outperformed
  outperforming outstanding overall overcome overcoming overlook overlooked overview paper paramount part particular
  particularly partly pave people perform performed performing perspective phenomenon piece pivotal place play
  playing plenty plug-and-play pointed pose posed position positive possess possibility possible possibly post
  potential potentially powerful practical practically practice practitioner precise precisely predominant
  predominantly prefer preliminary prepare presence present presentation presented presenting preserve preserved
  preserving prevalent prevent preventing previous previously primarily primary principal principled prior priori
  problematic procedure proceed processed produce produced producing profound progress project prominent promise
  promising promote proper properly property proportion proposal propose proposed proposing prospect prove proved
  proven provide provided providing proving publication publicly publish published purely purpose pursue push put
  qualitative qualitatively quantify quantitative quantitatively quick quickly quite raise raised rapid rapidly rare
  rarely rather reach reached reaching read readily ready real-time real-world realise realised realistic realize
  realized reason reasonable reasonably receive received recent recently recognise recognised recognize recognized
  reconcile recover reduce reduced reducing reduction refer referred referring refine reflect regard regarding
  regardless regime regular relate related relating relationship relative relatively release released releasing
  relevance relevant reliable reliably reliance rely relying remain remained remaining remains remark remarkable
  remarkably remedy render repeat repeated replace replaced replacing report reported reporting repository represent
  represented representing reproduce reproduced reproducible require required requires requiring research researcher
  resolve resolved resolving resort respect respective respectively respond rest restrict restricted result
  resultant resulted resulting reveal revealed revealing review revisit rich richer rigorous rise role room rough
  roughly run running sake satisfactory satisfy satisfying save say scenario scene-agnostic scope second secondly
  section seek seeking seen select selected selecting self-contained send sense separate separately serious serve
  serving setup severe severely shared sharing shed shortcoming show showcase showed showing shown shows side sight
  significance significant significantly significantly-improved similar similarly simple simple-yet-effective
  simpler simplicity simplify simply simultaneous simultaneously situation size slight slightly slow small-scale
  smaller so-called solely solid solution solve solved solving sort sota sound special specially specific
  specifically specification specified specify spectrum stand standard start started starting state-of-art
  state-of-the-art stem step step-by-step straightforward strategy strength strengthen strict strictly striking
  strive strong stronger strongly struggle studied study studying subject subsequent subsequently substantial
  substantially success successful successfully suffer suffering sufficient sufficiently suggest suggested
  suggesting suggestion suit suitable suite suited sum summarise summarize summary superior superiority
  supplementary supported supporting surge surpass surpassing surprising surprisingly survey synergy systematic
  systematically tackle tackled tackling tailor tailored take taken taking task-specific team tell ten tend term
  tested testing thank theme themself theoretical-and-empirical thing think third thorough thoroughly three
  three-stage threefold time-consuming times title together top top-performing topic total totally touch tractable
  trade trade-off tradeoff traditional traditionally treat trend trivial true truly try trying turn two two-stage
  two-step twofold typical typically ubiquitous ultimately unable unclear uncover underexplored undergo underlie
  underlying underpin underscore understand understood undertake unexpected unexplored unfortunately unified uniform
  unify unifying unique uniquely unknown unlike unlock unprecedented unresolved usage use used useful usefulness
  user-defined user-friendly using usual usually utilise utilised utilising utility utilization utilize utilized
  utilizing valid validate validated validating validation validity valuable variant variation variety various vary
  varying vast vastly verified verify verifying versatile version versus viable vital want way weakness website
  well-established well-known well-suited wide widely widely-used wider widespread work working worse worst worth
  write written yet yield yielded yielding zero
`)

/** Words too general to be a term alone; allowed within a phrase. */
export const generic = list(`
  accuracy action activity agnostic algorithm analysis answer answering application approach approximation
  architecture area assessment assumption attribute backbone behavior behaviour benchmark bias block body bound
  budget building category central challenge characteristic characterization class classification cluster code
  collection column combination complexity component computation computational computer concept condition
  configuration constraint construction content context convergence correlation cost count cover criterion curve data
  database dataset day decision delay density deployment depth detection device dimension dimensional direction
  distance distribution document domain dynamic edge effect element engine entity environment error estimation
  evaluation example exchange experience exploration extraction family feature feedback field file fine-tuned
  fine-tuning finetuning flow force format frame framework frequency function gap generalization generation graphics
  growth heuristic hour human identity individual inference information infrastructure input instance
  integration intelligence interface interpretation interval iteration knowledge label large layer learning level
  likelihood linear local location loss machine management mapping match matching matrix measure measurement
  mechanism method minute modality mode model modeling modelling module month movement multi network node
  non-linear nonlinear norm number object observation operation operator order output page pair paradigm parameter
  participant path pattern performance period phase pipeline point popular power pre-trained pre-training prediction
  pretrained pretraining principle probability problem process processing product production program programming
  proof protocol quality question random range rate ratio reality reasoning recognition record reference region
  relation representation requirement resource response robustness route rule sample sampling scale scene scheme
  scientific score search selection sequence series service set setting shape share signal similarity site source
  space spatial speed stability stage state statistical statistics stream structural structure style subset
  supervision support surface synthetic system table target task technical technique technology temporal test
  theoretical theory thousand time tool track tracking training transformation transition type understanding unit
  update user value variability variable variance view vision weight window word world year
`)

/** Modifiers: a phrase does not end in one. */
export const leading = list(`
  adaptive adversarial agnostic artificial automated automatic autonomous based binary bounded central classical
  compact complex computational conditional continuous convex convolutional cross cross-modal data-driven deep dense
  deterministic differential digital discrete distributed double dual dynamic embodied environmental explainable
  explicit external federated few-shot fine finite general generative geometric global graphical heterogeneous
  hierarchical high high-dimensional high-resolution hybrid implicit individual infinite intelligent interactive
  internal interpretable large latent linear local logical long long-range long-term low mathematical mobile
  molecular monocular multi multi-agent multi-scale multi-task multi-view multiple multiscale mutual natural
  negative neural noisy non-convex non-linear nonlinear numerical online open optical optimal parallel parametric
  partial physical pre-trained pretrained private probabilistic random recurrent relational remote robotic robust
  scalable scientific self-supervised semantic semi-supervised sequential short short-term single small social
  sparse spatial spatio-temporal spatiotemporal spectral statistical stochastic structural structured supervised
  symbolic synthetic temporal text-to theoretical thermal topological trainable unsupervised upper variational
  virtual vision-language visual weak weakly zero-shot
`)
