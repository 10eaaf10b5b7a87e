from second_opinion_assets.api import (
    Agreed as Agreed,
)
from second_opinion_assets.api import (
    Explained as Explained,
)
from second_opinion_assets.api import (
    Joined as Joined,
)
from second_opinion_assets.api import (
    JoinError as JoinError,
)
from second_opinion_assets.api import (
    NotPublishedError as NotPublishedError,
)
from second_opinion_assets.api import (
    Options as Options,
)
from second_opinion_assets.api import (
    Scores as Scores,
)
from second_opinion_assets.api import (
    Verified as Verified,
)
from second_opinion_assets.api import (
    agreement as agreement,
)
from second_opinion_assets.api import (
    explain as explain,
)
from second_opinion_assets.api import (
    join as join,
)
from second_opinion_assets.api import (
    verify as verify,
)
