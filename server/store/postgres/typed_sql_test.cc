// SQL with the types of its parameters.
#include "server/store/postgres/typed_sql.h"

#include "gtest/gtest.h"

namespace heim {
namespace {

TEST(TypedSqlTest, EachParameterIsGivenItsType) {
  EXPECT_EQ(TypesOf({SqlValue(nullptr), SqlValue(int64_t{1}), SqlValue(0.5), SqlValue("x"),
                     SqlValue(Bytes{"x"})}),
            "nirtb");
  EXPECT_EQ(WithTypes("SELECT $1, $2, $3, $4, $5", "nirtb"),
            "SELECT $1, $2::bigint, $3::double precision, $4::text, $5::bytea");
}

TEST(TypedSqlTest, LiteralsAndNamesStayAsTheyAre) {
  EXPECT_EQ(WithTypes("SELECT '$1', \"$1\", 'it''s $1', $1 || '$1'", "t"),
            "SELECT '$1', \"$1\", 'it''s $1', $1::text || '$1'");
}

TEST(TypedSqlTest, NumbersMayHaveSeveralDigits) {
  EXPECT_EQ(WithTypes("$1,$11", "inininininr"), "$1::bigint,$11::double precision");
}

TEST(TypedSqlTest, KindsAreToldByTheFirstWord) {
  EXPECT_EQ(KindOf("SELECT 1"), SqlKind::kRead);
  EXPECT_EQ(KindOf("WITH a AS (SELECT 1) SELECT * FROM a"), SqlKind::kRead);
  EXPECT_EQ(KindOf("WITH a AS (DELETE FROM b RETURNING c) SELECT * FROM a"), SqlKind::kWrite);
  EXPECT_EQ(KindOf("INSERT INTO a VALUES (1)"), SqlKind::kWrite);
  EXPECT_EQ(KindOf("UPDATE a SET b = 1"), SqlKind::kWrite);
  EXPECT_EQ(KindOf("DELETE FROM a"), SqlKind::kWrite);
  EXPECT_EQ(KindOf("ROLLBACK TO SAVEPOINT a"), SqlKind::kCommand);
  EXPECT_EQ(KindOf("CREATE TABLE a (b BIGINT)"), SqlKind::kCommand);
}

}  // namespace
}  // namespace heim
