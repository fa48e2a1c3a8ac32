"""Every limit, named and justified."""

from typing import NamedTuple

MEBIBYTE = 1 << 20


class Rate(NamedTuple):
    """How fast someone may do something: some at once, and then one more from time to time."""

    at_once: int
    every_s: float


UPLOAD_TTL_S = 600  # a presigned PUT: long enough for 30 MB at 0.5 Mbit/s
UPLOAD_GRACE_S = 3_600  # an upload begun in time may be finalized a little late
IMAGE_BYTES_MAX = 30 * MEBIBYTE  # a 48 MP phone JPEG is 12 to 25 MB
PUT_BYTES_MAX = IMAGE_BYTES_MAX  # what one PUT can bring in time; more is sent in parts
PART_BYTES = 8 * MEBIBYTE  # what a broken connection costs: two minutes at 0.5 Mbit/s
UPLOADS_OPEN_MAX = 100  # of one user: ten posts of ten media on their way
MULTIPART_TTL_S = 86_400  # the largest takes 2.4 hours at 0.5 Mbit/s, and people go away
DECLARED_KEPT_S = 8 * 86_400  # what nobody finalizes: a day for its parts, and a week for sweeps
STUCK_S = 3_600  # a post without media: an event is tried again for eleven minutes, then given up
JPEG_SCANS_MAX = 100  # encoders make about ten; each costs a pass over every pixel
ANIMATION_FRAMES_MAX = 1_000  # a minute of animation; libwebp's time grows with their square
IMAGE_PIXELS_MAX = 100_000_000  # decodes into 400 MB at most
ANIMATION_PIXELS_MAX = IMAGE_PIXELS_MAX  # of all frames: 2 CPU s of GIF, 5 of WebP
ANIMATED_PIXELS_MAX = 25_000_000  # of all frames, encoded: 2.5 CPU s of noise; longer is narrower
VIDEO_BYTES_MAX = 500 * MEBIBYTE  # ten minutes at 7 Mbit/s, or four of a phone's 1080p
VIDEO_MS_MAX = 600_000  # ten minutes: what people watch, and a transcode of minutes
VIDEO_PIXELS_MAX = 4_096 * 2_304  # a frame of what cameras call 4K, lying or standing
VIDEO_SIDE_MIN = 16  # one macroblock: below it there is nothing to see

# What nobody refers to stays this long: an answer read just before still shows its images, and no
# worker that stands still between two steps stands still for a day.
MEDIA_GRACE_S = 86_400

CAPTION_LENGTH_MAX = 2_200  # what people know from other photo apps
ALT_TEXT_LENGTH_MAX = 1_000  # a long paragraph
MEDIA_MAX = 10  # in one post: what people know from other photo apps

COMMENT_LENGTH_MAX = 1_000  # a long paragraph
COMMENT_BUCKET_LENGTH = 5_000  # of a thread: 20 MB of the longest texts, in four bytes a character
COMMENT_BUCKET_MAX = (1 << 31) - 2  # what Cassandra calls an int, and so is the one after it
MENTIONS_MAX = 10  # in one comment: a group of friends; each is looked up, and is told
MARKS_MAX = 10  # on one character: Tibetan, with the highest stacks of all scripts, has eight

COMMENTS_RATE = Rate(at_once=20, every_s=3)  # of one user: faster than anyone writes
LIKES_RATE = Rate(at_once=100, every_s=0.5)  # of one user: as fast as thumbs are, for a while
UNLIKES_RATE = Rate(at_once=100, every_s=10)  # of one user: each leaves a tombstone among likers
UPLOADS_RATE = Rate(at_once=300, every_s=1)  # of one user: thirty posts of ten media at once
VIDEOS_RATE = Rate(at_once=60, every_s=300)  # of one user: six posts of ten at once, and 288 a day
PARTS_RATE = Rate(at_once=300, every_s=0.5)  # of one user: four of the largest, a part a request
POSTS_RATE = Rate(at_once=300, every_s=30)  # of one user: far more than anyone has to say
EXPLANATIONS_RATE = Rate(at_once=10, every_s=10)  # of one user: each can take a process a second
JOINS_RATE = Rate(at_once=100, every_s=10)  # from one address: a school behind one router
SIGN_INS_RATE = Rate(at_once=200, every_s=1)  # from one address: each takes a core 30 ms
GUESSES_RATE = Rate(at_once=10, every_s=60)  # of one username from one address: whoever forgot it
REFRESHES_RATE = Rate(at_once=60, every_s=10)  # of one sign-in: a token is good for 15 minutes
ALL_GUESSES_RATE = Rate(
    at_once=100, every_s=5
)  # of one username: ten such addresses lock nobody out

FEED_LENGTH = 800  # ten screens a day for a week; 8.3 kB a reader
FEED_TTL_S = 30 * 86_400  # after the last read; whoever comes back waits for a rebuild
REBUILD_LEASE_S = 10  # of a list, between two looks at timelines, which take half a second
REBUILDS_RATE = Rate(at_once=30, every_s=60)  # of one reader: each reads up to 7,500 timelines
REBUILD_LENGTH = 20  # an author's latest posts: of most that is enough for a list
FEED_SLACK = 64  # trimmed only this far past the length, so that trimming is rare
PAGE_LENGTH_DEFAULT = 30  # three phone screens
PAGE_LENGTH_MAX = 100
WALK_STEP_MAX = 500  # entries read at once, past hidden ones: 2 MB of the longest comments
WALK_STEPS_MAX = 20  # of one page: past thousands of hidden entries, one read after another
LIKE_SHARDS_MAX = 256  # of one post: a partition of 100 MB for 500 million likes
LIKE_SHARDS_PULLED = 256  # a celebrity's post takes likes from every worker at once
COMMENT_LIKE_SHARDS = 1  # fewer like a comment than its post
COUNTS_TTL_S = 86_400  # after the last change, or after they were read from the counters
ZEROS_TTL_S = 60  # of what nobody likes or comments on: readers of all must not fill Redis with it
COUNTS_AT_ONCE = 500  # totals in one command: Redis blocked for less than a millisecond
COUNTS_AGE_MS = 1_000  # of what is shown: nobody sees one second, and a hot post is read once in it
FLAGS_AGE_MS = 10_000  # how late one's own like can be elsewhere if Redis has no note of it
PENDING_TTL_S = 3_600  # of likes that may not be counted yet: far more than counting is late
PENDING_LENGTH = 128  # of one user, the latest: more than they may like within FLAGS_AGE_MS
SAID_USERS_MAX = 10_000  # whose likes a process keeps itself: 2 kB each of eight, 26 kB of the most
COUNT_BATCH_LENGTH = 10_000  # events of one partition, counted together: what coalesces
FETCHED_LENGTH_MAX = 5_000  # records that Faust hands on as one: its cost is then nothing
FETCHES_WAITING = 4  # of those, until it stops fetching: 40 MB of events
FETCHED_BYTES_MAX = 1 * MEBIBYTE  # of one partition, in one answer of Kafka
BATCH_FETCHED_BYTES_MAX = 8 * MEBIBYTE  # where events are counted together: two batches of likes
FETCHED_RECORD_BYTES = 2_000  # of memory, beside the value: six headers, each two objects
BATCHES_BYTES_MAX = 128 * MEBIBYTE  # of one worker: six whole batches of likes

FOLLOWS_MAX = 7_500  # bounds a cold feed's rebuild
WALLS_MAX = 10_000  # whom one user blocks, or mutes: read at once, with whom they follow
GONE_TTL_S = 30 * 86_400  # what ended is remembered so long, against late repetitions
# Of one user: all whom they may follow at once; each that ends leaves a row, to them or to another.
PEOPLE_RATE = Rate(at_once=FOLLOWS_MAX, every_s=30)
ANSWERS_RATE = Rate(at_once=FOLLOWS_MAX, every_s=1)  # of one user, to those who ask or follow

CACHE_ENTRY_BYTES = 300  # of memory, beside what an entry holds
SHOWN_BYTES_MAX = 256 * MEBIBYTE  # of one API process: 200,000 posts of about 1 kB
RELATIONS_BYTES_MAX = 128 * MEBIBYTE  # 5,000 readers who follow 300 each
USERS_BYTES_MAX = 32 * MEBIBYTE  # 100,000 profiles
COUNTED_MAX = 100_000  # posts and comments of 1 kB: twice what everyone's first pages show
PARTS_BYTES_MAX = 64 * MEBIBYTE  # 800 posts of 256 shards
FLAGS_BYTES_MAX = 64 * MEBIBYTE  # 12,000 viewers of a page, more than read within FLAGS_AGE_MS
TIMELINES_AT_ONCE = 32  # of whom one reader follows: they must not hold up the others
RECENTS_BYTES_MAX = 64 * MEBIBYTE  # 8,000 authors
RECENT_LENGTH = 100  # an author's latest posts, kept in one piece: a page of them, of any length

PULL_FROM = 10_000  # followers: pushing to them takes 50 ms of Redis a post; a merge, microseconds
PUSH_BELOW = 8_000  # a fifth less, so that nobody crosses twice a day

FANOUT_PAGE_LENGTH = 5_000  # followers in one job: about 15 ms of Redis
FANOUT_BUCKETS_MAX = 1_024  # of an author's followers: those of one job are read at once
FANOUT_BATCH_LENGTH = 500  # feeds in one script call: Redis blocked for about 2 ms

USERNAME_LENGTH_MIN = 3
USERNAME_LENGTH_MAX = 30
PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 128  # argon2 costs the same; this bounds what is hashed
IDEMPOTENCY_KEY_LENGTH_MAX = 128
REQUEST_HEAD_BYTES_MAX = 64 * 1024  # beside a body: what nginx allows; tokens need far less
QUERY_PARAMETERS_MAX = 32  # no operation takes more than three
REQUEST_S_MAX = 10  # to arrive whole: 64 kB at 64 kbit/s take 8
REQUEST_BYTES_MAX = 192 * 1024  # the longest caption and alt texts fit, however escaped

AT_MS_MAX = 253_402_300_799_999  # of an event: the last of year 9999, where dates end
RECORD_BYTES_MAX = MEBIBYTE  # Kafka's own default; our events have some hundred bytes
DEAD_LETTER_BYTES_MAX = 2 * MEBIBYTE  # such a record, and its story
RETRIES_AT_ONCE = 100  # records of a retry topic in one hand: what a crash of it repeats at most
STORY_LENGTH_MAX = 4_000  # of a dead letter's message and stack, each
LOGGED_LENGTH_MAX = 8_000  # of a line's message and stack, each: a stack of Starlette's and ours
LOGGED_TRACES_MAX = 100  # that a line about a batch names

ACCESS_TOKEN_TTL_S = 900
PRIVATE_URL_TTL_S = 3_600  # a video of ten minutes can be paused; who unfollows is out in two hours
PRIVATE_CACHE_S = 600  # how long a browser shows what is private without asking the edge
REFRESH_REPEAT_S = 30  # a client whose answer was lost asks again within this
REFRESH_TOKEN_TTL_S = 30 * 86_400

EXPLAINED_RECORDS_MAX = 20_000  # of each key's partition, the latest: a second of an API process

LOAD_USERS_MAX = 10_000_000  # of a graph for load: 1.5 GB of names, where a file names them
LOAD_EDGES_MAX = 200_000_000  # 5 GB while they are sorted

STREAMS_MAX = 20_000  # of one process: about 20 kB each
STREAMS_PER_USER_MAX = 4  # a phone, a tablet, two windows
STREAM_S_MAX = ACCESS_TOKEN_TTL_S  # whoever was signed out hears nothing for longer
STREAM_QUEUE_LENGTH = 64  # posts that wait for a slow reader, beside 64 kB on their way
LANDED_KEPT = 10_000  # posts that are not told twice
LOAD_PROBLEMS_MAX = 100  # kinds of answers a report of load tells apart: a server may invent them

assert PUSH_BELOW <= PULL_FROM
assert FLAGS_AGE_MS < PENDING_TTL_S * 1000
assert LIKES_RATE.at_once + FLAGS_AGE_MS / 1000 / LIKES_RATE.every_s < PENDING_LENGTH
assert PAGE_LENGTH_MAX <= RECENT_LENGTH
assert PAGE_LENGTH_DEFAULT <= PAGE_LENGTH_MAX <= FEED_LENGTH
assert PAGE_LENGTH_MAX < WALK_STEP_MAX
assert FANOUT_BATCH_LENGTH <= FANOUT_PAGE_LENGTH
TEXT_LENGTH_MAX = CAPTION_LENGTH_MAX + MEDIA_MAX * ALT_TEXT_LENGTH_MAX
assert POSTS_RATE.at_once + 31 * 86_400 / POSTS_RATE.every_s < 100_000  # deleted, and still read
assert PEOPLE_RATE.at_once + GONE_TTL_S / PEOPLE_RATE.every_s < 100_000  # ended, and still read
assert 12 * TEXT_LENGTH_MAX < REQUEST_BYTES_MAX  # \uXXXX\uXXXX a character
assert RECORD_BYTES_MAX + 8 * STORY_LENGTH_MAX + 64 * 1024 < DEAD_LETTER_BYTES_MAX
assert UPLOAD_TTL_S <= UPLOAD_GRACE_S
assert MEDIA_MAX <= UPLOADS_OPEN_MAX
assert MULTIPART_TTL_S + UPLOAD_GRACE_S < DECLARED_KEPT_S
assert PRIVATE_CACHE_S <= PRIVATE_URL_TTL_S
PARTS_MAX = -(-VIDEO_BYTES_MAX // PART_BYTES)
assert PARTS_MAX <= 1_000  # what S3 lists in one page
assert 5 * MEBIBYTE <= PART_BYTES <= PUT_BYTES_MAX  # S3 asks for that much of all but the last
