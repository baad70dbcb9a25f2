package money

// historicRows holds withdrawn codes that still come with late reports, old catalogues and forgotten settings: codes
// of ISO 4217 List Three, "Codes for historic denominations of currencies & funds", and those that List One of
// 2026-01-01 dropped. List Three states no minor units, so digits are those of the last List One that had the code;
// for codes older than that they follow the JDK's currency data (java.util.Currency, JDK 17) or are 2. The successor
// is for people who read about the code; an amount is never moved to it, for no exchange rate is known here. Where two
// codes share a number, the younger stands first.
var historicRows = [...]row{
	{"ADP", 20, 0, "EUR"},       // Andorran Peseta
	{"AFA", 4, 2, "AFN"},        // Afghan Afghani (1927–2002)
	{"ALK", 8, 2, "ALL"},        // Old Lek
	{"ANG", 532, 2, "XCG"},      // Netherlands Antillean Guilder
	{"AOR", 982, 2, "AOA"},      // Kwanza Reajustado
	{"ARA", 32, 2, "ARS"},       // Austral
	{"ATS", 40, 2, "EUR"},       // Austrian Schilling
	{"AYM", 945, 2, "AZN"},      // Azerbaijan Manat (2005)
	{"AZM", 31, 2, "AZN"},       // Azerbaijani Manat (1993–2006)
	{"BEF", 56, 0, "EUR"},       // Belgian Franc
	{"BGL", 100, 2, "BGN"},      // Bulgarian Hard Lev
	{"BGN", 975, 2, "EUR"},      // Bulgarian Lev
	{"BRE", 76, 2, "BRR"},       // Cruzeiro
	{"BRR", 987, 2, "BRL"},      // Cruzeiro Real
	{"BYB", 112, 0, "BYR"},      // Belarusian Ruble (1994–1999)
	{"BYR", 974, 0, "BYN"},      // Belarusian Ruble (2000–2016)
	{"CHC", 948, 2, "CHW"},      // WIR Franc (electronic)
	{"CSD", 891, 2, "RSD"},      // Serbian Dinar (2002–2006)
	{"CSK", 200, 2, ""},         // Czechoslovak Koruna
	{"CUC", 931, 2, "CUP"},      // Cuban Convertible Peso
	{"CYP", 196, 2, "EUR"},      // Cypriot Pound
	{"DDM", 278, 2, "DEM"},      // East German Mark
	{"DEM", 276, 2, "EUR"},      // German Mark
	{"ECS", 218, 2, "USD"},      // Sucre
	{"EEK", 233, 2, "EUR"},      // Estonian Kroon
	{"ESP", 724, 0, "EUR"},      // Spanish Peseta
	{"FIM", 246, 2, "EUR"},      // Finnish Markka
	{"FRF", 250, 2, "EUR"},      // French Franc
	{"GEK", 268, 2, "GEL"},      // Georgian Coupon
	{"GHC", 288, 2, "GHS"},      // Ghanaian Cedi (1979–2007)
	{"GRD", 300, 0, "EUR"},      // Greek Drachma
	{"GWP", 624, 2, "XOF"},      // Guinea-Bissau Peso
	{"HRK", 191, 2, "EUR"},      // Croatian Kuna
	{"IEP", 372, 2, "EUR"},      // Irish Pound
	{"ITL", 380, 0, "EUR"},      // Italian Lira
	{"LTL", 440, 2, "EUR"},      // Lithuanian Litas
	{"LTT", 440, 2, "LTL"},      // Talonas
	{"LUF", 442, 0, "EUR"},      // Luxembourgian Franc
	{"LVL", 428, 2, "EUR"},      // Latvian Lats
	{"LVR", 428, 2, "LVL"},      // Latvian Ruble
	{"MGF", 450, 0, "MGA"},      // Malagasy Franc
	{"MRO", 478, 2, "MRU"},      // Mauritanian Ouguiya (1973–2017)
	{"MTL", 470, 2, "EUR"},      // Maltese Lira
	{"MXP", 484, 2, "MXN"},      // Mexican Peso before 1993
	{"MZM", 508, 2, "MZN"},      // Mozambican Metical (1980–2006)
	{"NLG", 528, 2, "EUR"},      // Dutch Guilder
	{"PEI", 604, 2, "PEN"},      // Inti
	{"PLZ", 616, 2, "PLN"},      // Zloty before 1995
	{"PTE", 620, 0, "EUR"},      // Portuguese Escudo
	{"ROL", 642, 0, "RON"},      // Romanian Leu (1952–2006)
	{"RUR", 810, 2, "RUB"},      // Russian Ruble (1991–1998)
	{"SDD", 736, 2, "SDG"},      // Sudanese Dinar (1992–2007)
	{"SIT", 705, 2, "EUR"},      // Slovenian Tolar
	{"SKK", 703, 2, "EUR"},      // Slovak Koruna
	{"SLL", 694, 2, "SLE"},      // Sierra Leonean Leone
	{"SRG", 740, 2, "SRD"},      // Surinamese Guilder
	{"STD", 678, 2, "STN"},      // São Tomé & Príncipe Dobra (1977–2017)
	{"SUR", 810, 2, "RUR"},      // Soviet Rouble
	{"TJR", 762, 2, "TJS"},      // Tajik Ruble
	{"TMM", 795, 2, "TMT"},      // Turkmenistani Manat (1993–2009)
	{"TPE", 626, 0, "USD"},      // Timorese Escudo
	{"TRL", 792, 0, "TRY"},      // Turkish Lira (1922–2005)
	{"UAK", 804, 2, "UAH"},      // Karbovanets
	{"USS", 998, 2, ""},         // US Dollar (Same day)
	{"UYP", 858, 2, "UYU"},      // Uruguayan Peso before 1993
	{"VEB", 862, 2, "VEF"},      // Venezuelan Bolívar (1871–2008)
	{"VEF", 937, 2, "VES"},      // Venezuelan Bolívar (2008–2018)
	{"XEU", 954, 2, "EUR"},      // European Currency Unit
	{"XFO", 0, noMinorUnit, ""}, // Gold-Franc
	{"XFU", 0, noMinorUnit, ""}, // UIC-Franc
	{"YUM", 891, 2, "CSD"},      // Yugoslavian New Dinar (1994–2002)
	{"YUN", 890, 2, "YUM"},      // Yugoslavian Dinar
	{"ZMK", 894, 2, "ZMW"},      // Zambian Kwacha (1968–2012)
	{"ZRN", 180, 2, "CDF"},      // New Zaire
	{"ZWD", 716, 2, "ZWN"},      // Zimbabwean Dollar (1980–2008)
	{"ZWL", 932, 2, "ZWG"},      // Zimbabwean Dollar (2009)
	{"ZWN", 942, 2, "ZWR"},      // Zimbabwe Dollar (new, 2006)
	{"ZWR", 935, 2, "ZWL"},      // Zimbabwean Dollar (2008)
}
