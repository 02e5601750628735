/** Lines in the form of other systems' logs, made here. */

const IPINYOU = {
  click: '0',
  weekday: '4',
  hour: '00',
  bidid: 'b-1',
  timestamp: '20130606000104008',
  logtype: '1',
  ipinyouid: 'u-1',
  useragent: 'Mozilla/5.0 (浏览器) "quoted", and more',
  IP: '118.81.189.*',
  region: '15',
  city: '16',
  adexchange: '2',
  domain: 'd41d8',
  url: 'e6100',
  urlid: 'null',
  slotid: '2147689_8764813',
  slotwidth: '300',
  slotheight: '250',
  slotvisibility: '2',
  slotformat: '1',
  slotprice: '0',
  creative: '00fcc',
  bidprice: '277',
  payprice: '139',
  keypage: 'bebef',
  advertiser: '1458',
  usertag: '10063,10006',
};
export const IPINYOU_HEADER = Object.keys(IPINYOU).join('\t');

/** A line of 27 columns, or of 29 when the last two are given. */
export function ipinyouLine(
  over: Partial<Record<keyof typeof IPINYOU, string>> = {},
  last: readonly string[] = [],
): string {
  return [...Object.values({ ...IPINYOU, ...over }), ...last].join('\t');
}

/** The time of an iPinYou line, in its zone. */
export function ipinyouTime(ms: number): string {
  return new Date(ms + 8 * 3_600_000).toISOString().replace(/\D/g, '');
}

const AUCTIONNET = {
  deliveryPeriodIndex: 7,
  advertiserNumber: 3,
  advertiserCategoryIndex: 0,
  budget: 2900,
  CPAConstraint: 100,
  timeStepIndex: 2,
  remainingBudget: 2800.5,
  pvIndex: 17,
  pValue: 0.0005,
  pValueSigma: 0.0001,
  bid: 0.2,
  xi: 0,
  adSlot: 0,
  cost: 0,
  isExposed: 0,
  conversionAction: 0,
  leastWinningCost: 0.25,
  isEnd: 0,
};
export const AUCTIONNET_HEADER = Object.keys(AUCTIONNET).join(',');

/** A line of 18 columns; whole numbers stand as `7.0`. */
export function auctionNetLine(over: Partial<typeof AUCTIONNET> = {}): string {
  return Object.values({ ...AUCTIONNET, ...over })
    .map((value) => (Number.isInteger(value) ? value.toFixed(1) : String(value)))
    .join(',');
}
