// Text as Python's json module writes it: hashes are taken over it.
#pragma once

#include <string>
#include <string_view>

namespace fettle::data {

// A quoted JSON string in ASCII: whatever is outside 0x20..0x7E is escaped, DEL too, beyond the BMP as a surrogate
// pair.
void append_ascii_json(std::string& out, std::string_view text);

}  // namespace fettle::data
