// Makes a topic, as a process of its own: compiled, it takes a fraction of the time.
import { makeTopic, type TopicSize } from './topic.ts';

const [, , brokers = '', size = '{}'] = process.argv;
console.log(JSON.stringify(await makeTopic(brokers.split(','), JSON.parse(size) as TopicSize)));
