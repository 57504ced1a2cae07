// The one translation unit that compiles Boost.JSON itself (Debian 12 ships it as headers).
#include <boost/json/src.hpp>
