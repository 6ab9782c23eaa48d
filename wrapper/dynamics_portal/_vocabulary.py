"""The words of a service's message that may be shown: those of Microsoft's own sentences. Data, for `redaction`.

No word here is a first name, also none that is one in Norwegian (Even, Odd, Else, Line, Per, Ask), and none says
anything of a person: no health, no status, no day, no colour, no number. `SHY` words are shown in lower case only, for
with a capital they may be names (Are, An, Can); other words with a capital only where a sentence begins, for most words
are somebody's surname; `CAPITALS` are how Microsoft writes them amid a sentence.

Source: Dataverse, "Web service error codes"; Microsoft Entra, "Authentication and authorization error codes".
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SHY: Final = _words(
    """
    a an any are as at be been but by can do either if in is it its no nor of on or so to too up
    """
)

CAPITALS: Final = _words(
    """
    API Dataverse Does Exist GUID HTTP HTTPS Id ID JSON Microsoft Not OData SQL URI URL UTC With XML
    """
)

WORDS: Final = _words(
    """
    able about absolute accept acceptable accepted access action actions additional address after again aggregate
    alias allow allowed allows alphanumeric already also alternate ambiguous and another api app application applied
    apply argument arguments assembly assertion assign assigned assignment associate associated association
    associations attempt attempted attempting attribute attributes audience authenticate authenticated
    authentication authority authorization authorized available bad batch because become before behalf being belong
    belongs below between binding blank block blocked body boolean both bound browser bulk cache caller can't cannot
    capacity cascade cascading certificate change changed changes changeset character characters check choose
    clause client close closed code codes collection collections column columns combination combined command
    communication complete completed component concurrency concurrent condition conditions configuration configured
    conflict conflicts conform connect connected connection consent contact contain contained containing contains
    content contents context conversion convert converted correct correctly correlation could couldn't create
    created creating creation credential credentials current currently custom customization cycle data database date
    deadlock decimal declared decrease default defined definition delete deleted deleting denied deny depth
    descendant deserialize detail details detect detected detection didn't different directory disassociate distinct
    document does doesn't domain don't done double due duplicate duplicates duration during each element elements
    empty enable enabled encountered end endpoint engine ensure entities entity entry environment equal error errors
    evaluate evaluation exceed exceeded exceeds exception execute executed executing execution exist existing exists
    expand expect expected expression external fail failed fails failure feature fetch field fields file files
    filter find following follows for forbidden foreign form format found from function functions gateway generic
    given global granted greater group guid handle has hasn't have haven't header headers help hierarchy http https
    identified identifier identifiers identity ids ignored implemented import include included incoming inconsistent
    incorrect index information initialize inner input insert inside instance insufficient integer integration
    integrity internal interval into invalid invocation isn't issue issued item items job key keys label language
    large last later least length less level license licenses limit limits link list literal load loaded local
    locate lock locked log logical lookup loop malformed managed many mapping match matched matches matching maximum
    media message messages metadata method microsoft millisecond milliseconds minimum misconfigured mismatch missing
    modified modify module more most multiple must name named namespace navigation necessary need needed needs
    nested network never new next not null number numeric object objects occurred occurs odata offline online only
    open operand operands operation operations operator option optional options order organization other out outer
    outside over overflow owner owning pages paging parallel parameter parameters parent parse parsed parsing part
    parts passed path payload payloads permission permissions permitted picklist please plug-in plugin point policy
    position possible post preceded precondition prefer prefix present previous primary principal privilege
    privileges problem process processed processing processor profile prohibited properties property protection
    protocol provide provided provider provisioned publish published publisher publishing query quota range rate
    reached read read-only reason received record records recursion redirect reduce refer reference referenced
    references referencing refers refresh refused registered registration rejected related relation relationship
    relationships relative reload remove removed renewed repeat replace request requested requests require required
    requires requiring reserved resolve resource resources response restricted result results retried retrieve
    retrieved retrieving retry return returned reuse revoked right rights role roles root row rows rowversion rule
    rules running same save saved schema scope search second seconds secret secrets section secured security segment
    segments select selected send sent sequence server servers service services session sessions setting settings
    shared sharing shorter should sign signature signed similar simple since single size skip software solution some
    source specified specify sql standard start started starting state statement still stopped storage stored stream
    string structure subscription succeeded success successful successfully such sufficient suffix supplied supply
    support supported supports syntax system table tables target team template temporarily temporary tenant
    terminated text than that the their them then there these they this those throttled throttling through ticket
    time timed timeout times token tokens transaction transactions transformation transient transition trigger
    truncated try twice type types unable unauthorized unavailable undeclared under unexpected unhandled unique unit
    unknown unsupported until update updated updates updating upload upon uri url use used user users uses using utc
    valid validate validated validation value values variable verify version versions via view views violated
    violates violation was wasn't web webhook were when where whether which while window with within without won't
    workflow would write writing written wrong xml you your
    """
)
